use std::time::Duration;

use tokio::time::Instant;

use super::{held::Held, jitter, policy::RefreshPolicy, snapshot::Snapshot};
use crate::{
    clock::Moment,
    error::{TokenError, TokenErrorKind},
    token::AccessToken,
};

/// A pause after a failure is up to a quarter shorter: enough to take processes that failed together
/// apart within a few tries.
const JITTER_SHARE: u32 = 4;

/// How long after its deadline a fetch is given up. It ends itself at the deadline, unless nobody runs
/// the runtime that it is on: one of a single thread does nothing outside `block_on`.
const GRACE: Duration = Duration::from_secs(1);

/// What the cache knows, and the rules. It reads no clock and does no I/O: each call is told the time.
///
/// `F` stands for a fetch under way; its callers need something to wait on.
#[derive(Debug)]
pub(super) struct State<F> {
    policy: RefreshPolicy,
    source_name: String,
    held: Option<Held>,
    flight: Option<(Launch, F)>,
    launches: u64,
    trouble: Option<Trouble>,
    forced_at: Option<Instant>,
}

/// Fetches have failed since the last one that brought a token.
#[derive(Debug)]
struct Trouble {
    error: TokenError,
    failures: u32,
    /// By whichever clock gets there first: the monotonic clock stands still during a suspend, and what was
    /// true before it need not hold any more.
    retry_at: Moment,
}

/// What a caller that wants a token is to do.
#[derive(Debug)]
pub(super) enum Decision<F> {
    /// Take this token.
    Serve(AccessToken),
    /// Take this token, and start a fetch for those who come later.
    ServeAndFetch(AccessToken),
    /// Wait for the fetch that is under way.
    Wait(F),
    /// Start a fetch and wait for it.
    FetchAndWait,
    /// Take this error: the last fetch failed a moment ago.
    Fail(TokenError),
}

/// How a fetch is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    /// Tells it from all others.
    pub(super) number: u64,
    pub(super) deadline: Duration,
    /// When those who wait for it give it up.
    pub(super) overdue_at: Instant,
    pub(super) forced: bool,
}

/// What a fetch has led to.
#[derive(Debug)]
pub(super) struct Landing {
    /// The same for all who waited for it.
    pub(super) outcome: Result<AccessToken, TokenError>,
    /// Whether it brought the token that was held already.
    pub(super) unchanged: bool,
    /// Life left of the token that is now held; zero if none can be served.
    pub(super) left: Duration,
    /// Time until another fetch may start after a failure.
    pub(super) retry_in: Duration,
}

impl<F: Clone> State<F> {
    pub(super) fn new(policy: RefreshPolicy, source_name: impl Into<String>) -> Self {
        Self {
            policy,
            source_name: source_name.into(),
            held: None,
            flight: None,
            launches: 0,
            trouble: None,
            forced_at: None,
        }
    }

    pub(super) fn policy(&self) -> RefreshPolicy {
        self.policy.clone()
    }

    /// What a caller is to do now.
    pub(super) fn decide(&self, now: Moment) -> Decision<F> {
        match (self.servable(now), self.paused(now)) {
            (None, Some(trouble)) => Decision::Fail(trouble.error.clone()),
            (None, None) => self.wait(now),
            (Some(held), None) if self.flight(now).is_none() && held.is_due(now) => {
                Decision::ServeAndFetch(held.token().clone())
            }
            (Some(held), _) => Decision::Serve(held.token().clone()),
        }
    }

    /// What hits need to know until the next change: it serves where `decide` says [`Decision::Serve`].
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let lands_by = self.flight.as_ref().map(|(launch, _)| launch.overdue_at);
        let retry_at = self.trouble.as_ref().map(|trouble| trouble.retry_at);
        let failing = self.trouble.is_some();
        self.held.as_ref().map(|held| held.snapshot(lands_by, retry_at, failing))
    }

    /// What a caller is to do now whose login was rejected with this token.
    ///
    /// It alone waits for the fetch that is to bring another. The rejection may have been about its role,
    /// and then the others, who are served meanwhile, must not depend on the identity service.
    pub(super) fn decide_after_rejection(&self, now: Moment, token: &AccessToken) -> Decision<F> {
        let in_doubt = |held: &Held| held.is_suspect() && held.token().is_same_as(token);
        if self.servable(now).is_some_and(in_doubt) { self.wait(now) } else { self.decide(now) }
    }

    fn wait(&self, now: Moment) -> Decision<F> {
        self.flight(now).cloned().map_or(Decision::FetchAndWait, Decision::Wait)
    }

    /// Time until a fetch is due; zero if one should start now. Without regard to one under way.
    pub(super) fn fetch_in(&self, now: Moment) -> Duration {
        let held = self.servable(now);
        held.map_or(Duration::ZERO, |held| held.renew_in(now)).max(self.pause_left(now))
    }

    /// The fetch that is under way, unless it is overdue.
    pub(super) fn flight(&self, now: Moment) -> Option<&F> {
        let in_time = self.flight.as_ref().filter(|(launch, _)| launch.overdue_at > now.monotonic);
        in_time.map(|(_, flight)| flight)
    }

    /// How a fetch that starts now is to be made.
    pub(super) fn plan(&mut self, now: Moment) -> Launch {
        self.launches += 1;
        let held = self.servable(now);
        let servable = held.map_or(Duration::ZERO, |held| held.servable_for(now));
        let deadline = self.policy.deadline_for(servable);
        Launch {
            number: self.launches,
            deadline,
            overdue_at: now.monotonic + deadline + GRACE,
            forced: held.is_some_and(Held::is_suspect),
        }
    }

    /// Notes that a fetch starts. One that was overdue is of no interest any longer.
    pub(super) fn depart(&mut self, launch: Launch, flight: F) {
        self.flight = Some((launch, flight));
    }

    /// Notes that a fetch has ended. Returns whether it is of interest.
    pub(super) fn arrive(&mut self, number: u64) -> bool {
        self.flight.take_if(|(launch, _)| launch.number == number).is_some()
    }

    /// Takes in what the fetch brought.
    pub(super) fn land(
        &mut self,
        now: Moment,
        outcome: Result<AccessToken, TokenError>,
        random: u64,
    ) -> Landing {
        match outcome.and_then(|token| self.accept(now, &token, random)) {
            Ok((token, unchanged)) => self.landing(now, Ok(token), unchanged),
            Err(error) => {
                self.note_failure(now, &error, random);
                self.landing(now, Err(error), false)
            }
        }
    }

    /// Takes in that the fetch ended without an answer and without fault of its source: it was
    /// aborted, or its runtime ended. That says nothing about the service, so nothing is held off.
    pub(super) fn abandon(&self, now: Moment, outcome: Result<AccessToken, TokenError>) -> Landing {
        self.landing(now, outcome, false)
    }

    /// Doubts the held token if it is the one given; returns whether a fetch is now forced.
    ///
    /// A forced fetch is refused for some time after another and during the pause after a failure.
    pub(super) fn invalidate(&mut self, now: Moment, token: &AccessToken) -> bool {
        let since = self.forced_at.map(|at| now.monotonic.saturating_duration_since(at));
        let allowed = since.is_none_or(|since| since >= self.policy.forced_interval())
            && self.paused(now).is_none();
        match &mut self.held {
            Some(held) if allowed && held.token().is_same_as(token) => {
                held.suspect();
                self.forced_at = Some(now.monotonic);
                true
            }
            _ => false,
        }
    }

    /// The held token, if it can be served now.
    pub(super) fn servable(&self, now: Moment) -> Option<&Held> {
        self.held.as_ref().filter(|held| held.is_servable(now))
    }

    /// The held token, whatever its times say.
    pub(super) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// The error of the last fetch, if it failed.
    pub(super) fn last_failure(&self) -> Option<TokenError> {
        self.trouble.as_ref().map(|trouble| trouble.error.clone())
    }

    /// How many fetches have failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.failures)
    }

    fn accept(
        &mut self,
        now: Moment,
        token: &AccessToken,
        random: u64,
    ) -> Result<(AccessToken, bool), TokenError> {
        let same = self.held.as_ref().filter(|held| held.token().is_same_as(token));
        let received = match same {
            Some(held) => held.receive_again(now, &self.policy, random),
            None => Held::receive(token.clone(), now, &self.policy, random),
        };
        let received = received.ok_or_else(|| self.unusable(now, token))?;
        // An endpoint that caches in several places may hand out an older token than before.
        let better = self.held.as_ref().filter(|held| held.is_better_than(&received, now));
        let kept = better.and_then(|held| held.receive_again(now, &self.policy, random));
        let unchanged = same.is_some() || kept.is_some();
        let held = kept.unwrap_or(received);
        let token = held.token().clone();
        self.held = Some(held);
        self.trouble = None;
        Ok((token, unchanged))
    }

    fn note_failure(&mut self, now: Moment, error: &TokenError, random: u64) {
        if let Some(held) = &mut self.held {
            held.rehabilitate();
        }
        let failures = self.failures().saturating_add(1);
        let retry_at = now.after(self.pause(now, error, failures, random));
        self.trouble = Some(Trouble { error: error.clone(), failures, retry_at });
    }

    fn pause(&self, now: Moment, error: &TokenError, failures: u32, random: u64) -> Duration {
        // A single panic may be chance; a source that panics each time must not do so for each caller.
        if error.kind() == TokenErrorKind::Interrupted && failures == 1 {
            return Duration::ZERO;
        }
        let pause = match self.servable(now) {
            Some(held) => self.policy.pause_with_token(failures, held.servable_for(now)),
            None => self.policy.pause_without_token(failures, error.is_transient()),
        };
        let asked = self.policy.asked_pause(error.retry_after());
        jitter::earlier(pause, JITTER_SHARE, random).max(asked)
    }

    /// The failure whose pause is not over.
    fn paused(&self, now: Moment) -> Option<&Trouble> {
        self.trouble.as_ref().filter(|trouble| now.is_before(trouble.retry_at))
    }

    fn pause_left(&self, now: Moment) -> Duration {
        self.paused(now).map_or(Duration::ZERO, |trouble| now.until(trouble.retry_at))
    }

    fn landing(
        &self,
        now: Moment,
        outcome: Result<AccessToken, TokenError>,
        unchanged: bool,
    ) -> Landing {
        let left = self.servable(now).map_or(Duration::ZERO, |held| held.left(now));
        Landing { outcome, unchanged, left, retry_in: self.pause_left(now) }
    }

    fn unusable(&self, now: Moment, token: &AccessToken) -> TokenError {
        let problem = "the token that came has expired or is about to";
        TokenError::new(token.kind_of_expiry(now.wall), self.source_name.clone(), problem)
            .with_hint("check that the clock of this machine is right")
    }
}
