use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{RefreshPolicy, failure, token};
use crate::{
    cache::state::{Decision, Landing, Launch, State},
    clock::Moment,
    error::TokenErrorKind,
};
use Event::*;

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A fetch starts.
    Fetch,
    /// A fetch brings the token of this name, with this much life by the wall clock.
    Got(&'static str, u64),
    /// As `Got`, and the issuer wants it renewed after so many seconds.
    GotRefreshIn(&'static str, u64, u64),
    /// A fetch brings the token of this name, which expires at this second of the true time.
    GotUntil(&'static str, u64),
    Failed(TokenErrorKind),
    /// A fetch fails with a `Retry-After` of so many seconds.
    Told(TokenErrorKind, u64),
    /// A fetch is aborted.
    Aborted,
    /// The server rejects the token of this name.
    Rejected(&'static str),
    /// The wall clock is set, by so many seconds.
    Set(i64),
    /// Only the wall clock goes on, for so many seconds.
    Suspended(u64),
}

/// A state that has lived through events, at a second.
pub(super) struct Story {
    pub(super) state: State<&'static str>,
    number: u64,
    origin: Moment,
    wall_offset: i64,
    pub(super) landing: Option<Landing>,
}

impl Story {
    pub(super) fn of(events: &[(u64, Event)]) -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut story = Self {
            state: State::new(RefreshPolicy::default(), "test issuer"),
            number: 0,
            origin: Moment { wall, monotonic: Instant::now() },
            wall_offset: 0,
            landing: None,
        };
        for &(second, event) in events {
            story.live(second, event);
        }
        story
    }

    /// Seconds count on the monotonic clock.
    pub(super) fn at(&self, second: u64) -> Moment {
        let step = Duration::from_secs(self.wall_offset.unsigned_abs());
        let wall = self.origin.wall + Duration::from_secs(second);
        let wall = if self.wall_offset < 0 { wall - step } else { wall + step };
        Moment { wall, monotonic: self.origin.monotonic + Duration::from_secs(second) }
    }

    pub(super) fn live(&mut self, second: u64, event: Event) {
        let now = self.at(second);
        let outcome = match event {
            Fetch => {
                self.launch(second, "flight");
                return;
            }
            Rejected(name) => {
                self.state.invalidate(now, &token(name, now.wall));
                return;
            }
            Set(seconds) => return self.wall_offset += seconds,
            Suspended(seconds) => return self.wall_offset += i64::try_from(seconds).unwrap(),
            Aborted => {
                self.state.arrive(self.number);
                let outcome = Err(failure(TokenErrorKind::Interrupted));
                self.landing = Some(self.state.abandon(now, outcome));
                return;
            }
            Got(name, life) => Ok(token(name, now.wall + Duration::from_secs(life))),
            GotUntil(name, end) => Ok(token(name, self.origin.wall + Duration::from_secs(end))),
            GotRefreshIn(name, life, refresh) => {
                Ok(token(name, now.wall + Duration::from_secs(life))
                    .with_refresh_on(now.wall + Duration::from_secs(refresh)))
            }
            Failed(kind) => Err(failure(kind)),
            Told(kind, seconds) => {
                Err(failure(kind).with_retry_after(Duration::from_secs(seconds)))
            }
        };
        self.state.arrive(self.number);
        self.landing = Some(self.state.land(now, outcome, 0));
    }

    pub(super) fn launch(&mut self, second: u64, flight: &'static str) -> Launch {
        let launch = self.state.plan(self.at(second));
        self.state.depart(launch, flight);
        self.number = launch.number;
        launch
    }

    pub(super) fn decision(&self, second: u64) -> String {
        in_words(self.state.decide(self.at(second)))
    }

    /// What a caller is to do whose login was rejected with the token of this name.
    pub(super) fn decision_after(&self, second: u64, rejected: &str) -> String {
        let now = self.at(second);
        in_words(self.state.decide_after_rejection(now, &token(rejected, now.wall)))
    }
}

fn in_words(decision: Decision<&'static str>) -> String {
    match decision {
        Decision::Serve(token) => format!("serve {}", token.secret()),
        Decision::ServeAndFetch(token) => format!("serve {} and fetch", token.secret()),
        Decision::Wait(flight) => format!("wait for {flight}"),
        Decision::FetchAndWait => "fetch and wait".to_owned(),
        Decision::Fail(error) => format!("fail: {:?}", error.kind()),
    }
}
