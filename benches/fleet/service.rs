//! Identity services, as an instance meets them.

use std::time::{Duration, SystemTime};

use crate::{
    AccessToken, TokenError, TokenErrorKind,
    cache::instance::ORIGIN,
    chance::Chance,
    tally::Tally,
    week::{DAY, MINUTE, Millis, SECOND, is_out},
};

/// What one request leads to.
pub struct Reply {
    pub after: Millis,
    pub outcome: Result<AccessToken, TokenError>,
}

pub trait Service {
    /// A request at this time, by an instance whose wall clock shows that.
    fn ask(&mut self, at: Millis, wall: SystemTime, chance: &mut Chance) -> Reply;
}

/// Entra ID for service principals: each request brings a new token, whose life is told.
pub struct Entra;

impl Service for Entra {
    fn ask(&mut self, at: Millis, wall: SystemTime, chance: &mut Chance) -> Reply {
        let after = chance.between(50, 500);
        if is_out(at) {
            return Reply { after, outcome: Err(unavailable()) };
        }
        // https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes
        let life = Duration::from_millis(chance.between(60 * MINUTE, 90 * MINUTE));
        Reply { after, outcome: Ok(token(chance, wall + life)) }
    }
}

/// The endpoint of one machine. It caches: nobody can make it fetch another token before it wants to.
pub struct Imds {
    until_the_end: bool,
    /// The token, and from when to when it is handed out without need for another.
    held: Option<(AccessToken, Millis, Millis)>,
}

impl Imds {
    const LIFE: Millis = DAY;

    pub fn new(until_the_end: bool) -> Self {
        Self { until_the_end, held: None }
    }
}

impl Service for Imds {
    fn ask(&mut self, at: Millis, _wall: SystemTime, chance: &mut Chance) -> Reply {
        let after = chance.between(5, 100);
        let valid = self.held.as_ref().filter(|(_, _, end)| at < *end);
        if let Some((token, renewed_from, _)) = valid
            && (at < *renewed_from || is_out(at))
        {
            return Reply { after, outcome: Ok(token.clone()) };
        }
        if is_out(at) {
            return Reply { after, outcome: Err(unavailable()) };
        }
        let end = at + Self::LIFE;
        let token = token(chance, ORIGIN.wall + Duration::from_millis(end));
        let renewed_from = if self.until_the_end { end } else { at + Self::LIFE / 2 };
        self.held = Some((token.clone(), renewed_from, end));
        Reply { after, outcome: Ok(token) }
    }
}

/// Entra ID that takes twice as many requests a second as the fleet makes on average, and no more.
pub struct Limited {
    entra: Entra,
    per_second: f64,
    /// How many it would take right now, and as of when.
    room: (f64, Millis),
    refused: u64,
    last_started: Millis,
    tokens: u32,
    size: u32,
}

impl Limited {
    /// What a refused instance is told to wait.
    const RETRY_AFTER: Duration = Duration::from_secs(30);

    pub fn new(size: u32) -> Self {
        // Half of 75 min, less half of the tenth that it may come earlier.
        let mean = f64::from(size) / (37.5 * 60.0 * 0.95);
        let per_second = (2.0 * mean).max(1.0);
        let room = (per_second, 0);
        Self { entra: Entra, per_second, room, refused: 0, last_started: 0, tokens: 0, size }
    }

    pub fn heading() -> String {
        format!(
            "{:>9} {:>5} {:>10} {:>22} {:>12} {:>16} {:>26}",
            "instances",
            "seed",
            "limit/s",
            "all started within",
            "refused",
            "peak asked/s",
            "failed once all had one"
        )
    }

    pub fn row(&self, size: u32, seed: u64, tally: &Tally) -> String {
        let started = self.last_started as f64 / MINUTE as f64;
        let failed = tally.failed_outside_outages(self.last_started + MINUTE);
        format!(
            "{size:>9} {seed:>5} {:>10.1} {started:>18.1} min {:>12} {:>16} {failed:>26}",
            self.per_second,
            self.refused,
            tally.peak_second(),
        )
    }

    fn takes_another(&mut self, at: Millis) -> bool {
        let (room, since) = self.room;
        let gained = (at - since) as f64 / SECOND as f64 * self.per_second;
        let room = (room + gained).min(self.per_second);
        let takes = room >= 1.0;
        self.room = (if takes { room - 1.0 } else { room }, at);
        takes
    }
}

impl Service for Limited {
    fn ask(&mut self, at: Millis, wall: SystemTime, chance: &mut Chance) -> Reply {
        if is_out(at) || self.takes_another(at) {
            let reply = self.entra.ask(at, wall, chance);
            // The first so many tokens are the first ones of the instances: renewals come much later.
            self.tokens += u32::from(reply.outcome.is_ok());
            if self.tokens == self.size {
                self.last_started = at;
                self.tokens += 1;
            }
            return reply;
        }
        self.refused += 1;
        let error = TokenError::new(TokenErrorKind::Throttled, "fleet", "too many requests");
        Reply { after: 50, outcome: Err(error.with_retry_after(Self::RETRY_AFTER)) }
    }
}

fn unavailable() -> TokenError {
    TokenError::new(TokenErrorKind::Unavailable, "fleet", "an outage")
}

fn token(chance: &mut Chance, expires_on: SystemTime) -> AccessToken {
    AccessToken::new(format!("t{:x}", chance.number()), expires_on).expect("a token")
}
