//! One process of the fleet: a token that is kept fresh, on a machine whose clock is set and which sleeps.

use std::{
    ops::Range,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    policy::RefreshPolicy,
    state::{Decision, Launch, State},
};
use crate::{
    AccessToken, TokenError,
    chance::Chance,
    clock::Moment,
    service::{Reply, Service},
    tally::Tally,
    week::{DEPLOYED_WITHIN, HOUR, MINUTE, Millis, SECOND, WEEK},
};

/// When the simulated week begins, on either clock.
pub static ORIGIN: LazyLock<Moment> = LazyLock::new(|| Moment {
    wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    monotonic: Instant::now(),
});

/// What `keep_fresh` sleeps at most, so as to notice that the clock was set.
const LONGEST_SLEEP: Millis = 30 * SECOND;

/// A connect a minute.
const CONNECTS_EACH: Millis = MINUTE;

pub struct Instance {
    state: State<()>,
    chance: Chance,
    flight: Option<Flight>,
    /// When it looks whether to fetch, unless a fetch is under way.
    look_at: Millis,
    weather_at: Millis,
    deployed_at: Millis,
    /// The connects up to here are done, or did not happen since the machine slept.
    connected_until: Millis,
    /// Connects before this get their token without waiting.
    servable_until: Millis,
    /// By how much the wall clock is ahead of the true time.
    wall_ahead: i64,
    slept: Millis,
    /// From when to when it slept last.
    sleep: Range<Millis>,
}

struct Flight {
    launch: Launch,
    lands_at: Millis,
    outcome: Result<AccessToken, TokenError>,
    /// Connects that wait for it.
    watchers: u64,
}

impl Instance {
    pub fn new(number: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed, number);
        let deployed_at = chance.between(CONNECTS_EACH, CONNECTS_EACH + DEPLOYED_WITHIN);
        let weather_at = weather_after(deployed_at, &mut chance);
        Self {
            state: State::new(RefreshPolicy::default(), "fleet"),
            chance,
            flight: None,
            look_at: deployed_at,
            weather_at,
            deployed_at,
            connected_until: deployed_at - 1,
            servable_until: deployed_at,
            wall_ahead: 0,
            slept: 0,
            sleep: 0..0,
        }
    }

    /// When something happens next that is not the mere taking of the token.
    pub fn next(&self) -> Millis {
        let own = self.flight.as_ref().map_or(self.look_at, |flight| flight.lands_at);
        own.min(self.weather_at).min(self.next_connect())
    }

    /// The next connect that finds no token.
    fn next_connect(&self) -> Millis {
        let from = self.servable_until.max(self.connected_until + 1);
        let done = from.saturating_sub(self.deployed_at).div_ceil(CONNECTS_EACH);
        self.deployed_at + done * CONNECTS_EACH
    }

    /// Lets happen what happens now.
    pub fn act(&mut self, at: Millis, service: &mut impl Service, tally: &mut Tally) {
        let own_at = self.flight.as_ref().map_or(self.look_at, |flight| flight.lands_at);
        if at == self.weather_at {
            self.weather(at);
        } else if at == own_at {
            match self.flight.take() {
                Some(flight) => self.land(at, flight, tally),
                None => self.look(at, service, tally),
            }
        } else {
            self.connect(at, service, tally);
        }
    }

    fn connect(&mut self, at: Millis, service: &mut impl Service, tally: &mut Tally) {
        self.connected_until = at;
        match self.state.decide(self.moment(at)) {
            Decision::Serve(_) | Decision::ServeAndFetch(_) => {}
            Decision::Fail(_) => tally.failed(at, self.a_moment_before(at), 1),
            Decision::Wait(()) | Decision::FetchAndWait => {
                if self.flight.is_none() {
                    self.look(at, service, tally);
                }
                if let Some(flight) = &mut self.flight {
                    flight.watchers += 1;
                }
            }
        }
    }

    fn look(&mut self, at: Millis, service: &mut impl Service, tally: &mut Tally) {
        let now = self.moment(at);
        let wait = millis(self.state.fetch_in(now));
        if wait > 0 {
            self.look_at = at + wait;
            return;
        }
        let launch = self.state.plan(now);
        self.state.depart(launch, ());
        let Reply { after, outcome } = service.ask(at, now.wall, &mut self.chance);
        tally.asked(at, outcome.is_ok());
        let lands_at = at + after.min(millis(launch.deadline));
        self.flight = Some(Flight { launch, lands_at, outcome, watchers: 0 });
    }

    fn land(&mut self, at: Millis, flight: Flight, tally: &mut Tally) {
        let now = self.moment(at);
        self.state.arrive(flight.launch.number);
        let landing = self.state.land(now, flight.outcome, self.chance.number());
        match landing.outcome {
            Ok(_) => tally.waited(at, flight.watchers),
            Err(_) => tally.failed(at, self.a_moment_before(at), flight.watchers),
        }
        self.look_at = at + millis(self.state.fetch_in(now)).max(1);
        self.note_end_of_service(at);
    }

    /// A clock that is set, by up to 5 min, or a machine that sleeps, for 10 min to 8 h.
    fn weather(&mut self, at: Millis) {
        let mut awake = at;
        if self.chance.number().is_multiple_of(2) {
            self.wall_ahead += self.chance.between(0, 10 * MINUTE) as i64 - 5 * MINUTE as i64;
        } else {
            let asleep = self.chance.between(10 * MINUTE, 8 * HOUR);
            awake += asleep;
            self.slept += asleep;
            self.sleep = at..awake;
            // A request that was under way is broken, and made again when it wakes.
            if let Some(flight) = self.flight.take() {
                self.state.arrive(flight.launch.number);
                self.look_at = at;
            }
            self.look_at += asleep;
            self.connected_until = awake;
        }
        self.look_at = self.look_at.min(awake + self.chance.between(1, LONGEST_SLEEP));
        self.weather_at = weather_after(awake, &mut self.chance);
        self.note_end_of_service(awake);
    }

    /// Foresees until when the token is served, as of the clocks at this time.
    fn note_end_of_service(&mut self, at: Millis) {
        let now = self.moment(at);
        let held = self.state.servable(now);
        self.servable_until = at + held.map_or(0, |held| millis(held.servable_for(now)));
    }

    /// What it does now may be the outcome of what was up to so long ago, less the time that it slept.
    fn a_moment_before(&self, at: Millis) -> Millis {
        const MOMENT: Millis = 15 * SECOND;
        let awake_for = at.saturating_sub(self.sleep.end);
        let slept = if awake_for < MOMENT { self.sleep.end - self.sleep.start } else { 0 };
        at.saturating_sub(slept + MOMENT)
    }

    /// Its clocks at this true time.
    fn moment(&self, at: Millis) -> Moment {
        let wall = Duration::from_millis(at.saturating_add_signed(self.wall_ahead));
        let monotonic = Duration::from_millis(at.saturating_sub(self.slept));
        Moment { wall: ORIGIN.wall + wall, monotonic: ORIGIN.monotonic + monotonic }
    }
}

/// Each machine has such weather about once in two weeks.
fn weather_after(at: Millis, chance: &mut Chance) -> Millis {
    at + chance.between(MINUTE, 4 * WEEK)
}

/// Rounded up: whoever looks a moment too early looks twice.
fn millis(span: Duration) -> Millis {
    span.as_nanos().div_ceil(1_000_000) as Millis
}
