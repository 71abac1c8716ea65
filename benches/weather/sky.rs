//! What the weather was like at any time, and whether it excuses a failure.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::{TOKEN_LIFE, pools::CHECKOUT_LIMIT};

/// What has to be fine for so long without a break, or a checkout may fail: a pool finds out after 5 s that a session
/// hangs, and a connect that failed pauses for up to 2 s.
pub const SETTLING: Duration = Duration::from_secs(10);

/// How long before its expiry a token of a minute is no longer served: its twentieth, and a little for the login.
const MARGIN: Duration = Duration::from_secs(4);

/// How finely a time is looked at.
const STEP: Duration = Duration::from_millis(50);

/// What bad weather strikes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Struck {
    /// No new token can be had.
    Tokens,
    /// Nobody can log in or query.
    Server,
    /// Sessions break or stand still; a new one can be had.
    Sessions,
}

struct Spell {
    what: &'static str,
    struck: Struck,
    began: Instant,
    ended: Option<Instant>,
    /// How long it is felt after its end.
    aftermath: Duration,
}

impl Spell {
    fn touches(&self, from: Instant, to: Instant) -> bool {
        self.began <= to && self.ended.is_none_or(|ended| ended + self.aftermath >= from)
    }
}

/// Which spell has begun.
#[must_use]
pub struct Began(usize);

#[derive(Default)]
pub struct Sky {
    spells: Mutex<Vec<Spell>>,
    issued: Mutex<Vec<Instant>>,
}

impl Sky {
    pub fn begin(&self, struck: Struck, what: &'static str, aftermath: Duration) -> Began {
        let mut spells = self.spells();
        spells.push(Spell { what, struck, began: Instant::now(), ended: None, aftermath });
        Began(spells.len() - 1)
    }

    pub fn end(&self, spell: &Began) {
        self.spells()[spell.0].ended = Some(Instant::now());
    }

    /// The identity service has issued a token.
    pub fn token_issued(&self) {
        self.issued.lock().expect("no panic").push(Instant::now());
    }

    /// How often each kind of weather came, in the order of their names.
    pub fn kinds(&self) -> Vec<(&'static str, usize)> {
        let spells = self.spells();
        let names: BTreeSet<_> = spells.iter().map(|spell| spell.what).collect();
        let count = |name| spells.iter().filter(|spell| spell.what == name).count();
        names.into_iter().map(|name| (name, count(name))).collect()
    }

    /// Why nobody could have connected from this time to the end of a checkout's limit, or `None` if somebody could: for
    /// [`SETTLING`] or longer there were a token and a server. Who gave up earlier than at the limit gave up too early.
    pub fn excuse(&self, from: Instant) -> Option<String> {
        let to = from + CHECKOUT_LIMIT;
        let mut fine_since = None;
        let mut at = from;
        while at <= to {
            fine_since = self.is_fine(at).then_some(fine_since.unwrap_or(at));
            if fine_since.is_some_and(|since| at - since >= SETTLING) {
                return None;
            }
            at += STEP;
        }
        Some(self.what_was_between(from, to, &[Struck::Tokens, Struck::Server]))
    }

    /// Any trouble at all in this time or shortly before, for those who try nothing twice. That no new token can be
    /// had is none while the last one is valid.
    pub fn any_trouble(&self, from: Instant, to: Instant) -> Option<String> {
        let from = from.checked_sub(SETTLING).unwrap_or(from);
        let has_token = self.has_token(from) && self.has_token(to);
        let all = [Struck::Server, Struck::Sessions, Struck::Tokens];
        let struck = if has_token { &all[..2] } else { &all };
        Some(self.what_was_between(from, to, struck)).filter(|what| !what.is_empty())
    }

    /// What may have broken a query.
    pub fn trouble_of_a_session(&self, from: Instant, to: Instant) -> Option<String> {
        let what = self.what_was_between(from, to, &[Struck::Server, Struck::Sessions]);
        Some(what).filter(|what| !what.is_empty())
    }

    /// The names of all that was in this time.
    pub fn what_was_between(&self, from: Instant, to: Instant, struck: &[Struck]) -> String {
        let spells = self.spells();
        let spells = spells.iter().filter(|spell| struck.contains(&spell.struck));
        let names: BTreeSet<_> =
            spells.filter(|spell| spell.touches(from, to)).map(|spell| spell.what).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    fn is_fine(&self, at: Instant) -> bool {
        let is_struck = |struck| {
            self.spells().iter().any(|spell| spell.struck == struck && spell.touches(at, at))
        };
        !is_struck(Struck::Server) && (self.has_token(at) || !is_struck(Struck::Tokens))
    }

    fn has_token(&self, at: Instant) -> bool {
        let issued = self.issued.lock().expect("no panic");
        issued.iter().any(|&issued| issued <= at && at <= issued + TOKEN_LIFE - MARGIN)
    }

    fn spells(&self) -> MutexGuard<'_, Vec<Spell>> {
        self.spells.lock().expect("no panic")
    }
}
