//! Thirty days of a pool under weather that a seed decides.

use std::sync::Mutex;

use super::*;
use TokenErrorKind::{Throttled, Unavailable, Unreachable};

const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: u32 = 30 * 24 * 60;

/// The identity service, the server and the clocks, with the token that was issued last.
struct World {
    rig: Rig,
    random: Random,
    service: Arc<Mutex<Service>>,
    outage_minutes: u32,
    minutes_since_outage: u32,
    rejected: Option<AccessToken>,
    /// What may have caused a fetch besides the renewals and the outages.
    events: u64,
}

struct Service {
    outage: Option<Answer>,
    life: Duration,
    issued: Option<(AccessToken, Moment)>,
}

impl World {
    fn new(seed: u64, life: Duration, jitter: fn() -> u64) -> Self {
        let service = Arc::new(Mutex::new(Service { outage: None, life, issued: None }));
        let rig = Rig::with_jitter(jitter, |_| unreachable!());
        let (shared, clock) = (service.clone(), rig.clock.clone());
        rig.issuer.direct(move |fetch| shared.lock().unwrap().answer(fetch, clock.now()));
        Self {
            rig,
            random: Random(seed),
            service,
            outage_minutes: 0,
            minutes_since_outage: 0,
            rejected: None,
            events: 0,
        }
    }

    async fn live(&mut self) {
        let (mut refused, mut outage_total) = (0, 0);
        for minute in 0..MINUTES {
            if minute % 60 == 0 {
                self.change_weather();
            }
            refused += u64::from(!self.connect().await);
            outage_total += u64::from(self.outage_minutes > 0);
            self.pass_a_minute().await;
        }
        let renewals = u64::from(MINUTES) / 60 * 3600 / self.life().as_secs() * 4 + 4;
        let limit = renewals + 2 * outage_total + 2 * self.events;
        assert!(self.rig.fetches() <= limit, "{} of {limit} fetches", self.rig.fetches());
        assert!(refused < outage_total, "{refused} refused, {outage_total} minutes of outage");
    }

    fn change_weather(&mut self) {
        self.events += 1;
        match self.random.below(12) {
            0 if self.outage_minutes == 0 => self.begin_outage(),
            // A failover to a server that takes no token of before, or a rotation of keys.
            1 => self.reject_held_token(),
            // The clock is put right, either way.
            2 => self.rig.clock.step_wall(self.random.below(600) as i64 - 300),
            // A suspend: the monotonic clock stands still.
            3 => self.rig.clock.step_wall(self.random.below(6 * 3600) as i64),
            _ => {}
        }
    }

    fn reject_held_token(&mut self) {
        let issued = self.service.lock().unwrap().issued.clone();
        self.rejected = issued.map(|(token, _)| token);
    }

    fn begin_outage(&mut self) {
        self.outage_minutes = 1 + self.random.below(14 * 60) as u32;
        let asked = Duration::from_secs(self.random.below(120));
        let throttled = failure(Throttled).with_retry_after(asked);
        let kinds = [
            Answer::error(Unavailable),
            Answer::error(Unreachable).after(Duration::from_secs(5)),
            Answer::failing(throttled),
            Answer::silence(),
        ];
        self.service.lock().unwrap().outage = Some(kinds[self.random.below(4) as usize].clone());
    }

    async fn pass_a_minute(&mut self) {
        pass(MINUTE).await;
        self.minutes_since_outage += 1;
        if self.outage_minutes > 0 {
            self.minutes_since_outage = 0;
            self.outage_minutes -= 1;
            if self.outage_minutes == 0 {
                self.service.lock().unwrap().outage = None;
            }
        }
    }

    /// One connect, with its second try after a rejection; whether it got a token that the server takes.
    async fn connect(&mut self) -> bool {
        let Some(token) = self.token().await else { return false };
        if !self.is_rejected(&token) {
            return true;
        }
        self.rig.cache.invalidate(&token);
        self.token().await.is_some_and(|token| !self.is_rejected(&token))
    }

    /// A token is served exactly if a valid one exists or can be had.
    async fn token(&self) -> Option<AccessToken> {
        match self.rig.cache.token().await {
            Ok(token) => {
                assert!(!self.left_of(&token).is_zero(), "an expired token was served");
                Some(token)
            }
            Err(error) => {
                let held = self.service.lock().unwrap().issued.clone();
                let left = held.map_or(Duration::ZERO, |(token, _)| self.left_of(&token));
                assert!(left <= Duration::from_secs(30), "{error}, and {left:?} left");
                assert!(self.outage_minutes > 0 || self.minutes_since_outage < 3, "{error}");
                None
            }
        }
    }

    /// What is left of the life of a token, by the clock that is stricter; zero of an old token's.
    fn left_of(&self, token: &AccessToken) -> Duration {
        let (now, service) = (self.rig.clock.now(), self.service.lock().unwrap());
        match &service.issued {
            Some((issued, at)) if issued.is_same_as(token) => {
                let by_age = service.life.saturating_sub(now.monotonic - at.monotonic);
                by_age.min(token.life_left(now.wall))
            }
            _ => Duration::ZERO,
        }
    }

    fn is_rejected(&self, token: &AccessToken) -> bool {
        self.rejected.as_ref().is_some_and(|rejected| rejected.is_same_as(token))
    }

    fn life(&self) -> Duration {
        self.service.lock().unwrap().life
    }
}

impl Service {
    fn answer(&mut self, fetch: u64, now: Moment) -> Answer {
        if let Some(outage) = &self.outage {
            return outage.clone();
        }
        let issued = token(&format!("t{fetch}"), now.wall + self.life);
        self.issued = Some((issued.clone(), now));
        Answer::fixed(&issued)
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_fails_while_a_valid_token_exists_whatever_the_weather() {
    let jitters: [fn() -> u64; 2] = [|| 0, || u64::MAX];
    for jitter in jitters {
        for (seed, life) in [(1, DAY), (2, HOUR)] {
            World::new(seed, life, jitter).live().await;
        }
    }
}
