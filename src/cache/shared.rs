use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch};
use tracing::Instrument;

use super::{
    CacheStats, RefreshPolicy, events,
    flight::{self, Flight, Outcome},
    state::{Decision, Landing, State},
    stats::Counters,
};
use crate::{
    AccessToken, TokenError, TokenErrorKind, TokenSource,
    clock::{Clock, Moment},
};

/// What all handles of a cache share: it asks the clock, lets the state decide, and does what it says.
///
/// The lock is held for a decision only: not across an await, and not while the source, a callback or
/// a `tracing` subscriber runs.
pub(super) struct Shared {
    source: Arc<dyn TokenSource>,
    source_name: String,
    scope: Arc<str>,
    clock: Arc<dyn Clock>,
    random: fn() -> u64,
    slot: Mutex<Slot>,
    changes: watch::Sender<()>,
}

struct Slot {
    state: State<Flight>,
    counters: Counters,
}

/// What a caller does next.
pub(super) enum Step {
    Serve(AccessToken),
    Wait(Flight),
}

/// What a task that keeps the token fresh does next.
pub(super) struct Upkeep {
    /// The token, if one can be served.
    pub(super) token: Option<AccessToken>,
    /// When to look again, unless something changes before.
    pub(super) look_again_in: Duration,
}

impl Shared {
    pub(super) fn new(
        source: Arc<dyn TokenSource>,
        scope: String,
        policy: RefreshPolicy,
        clock: Arc<dyn Clock>,
        random: fn() -> u64,
    ) -> Self {
        let source_name = source.name().to_owned();
        let state = State::new(policy, source_name.clone());
        let slot = Mutex::new(Slot { state, counters: Counters::default() });
        let changes = watch::Sender::new(());
        Self { source, source_name, scope: scope.into(), clock, random, slot, changes }
    }

    pub(super) fn source(&self) -> Arc<dyn TokenSource> {
        self.source.clone()
    }

    pub(super) fn source_name(&self) -> &str {
        &self.source_name
    }

    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    /// Fires when a fetch has ended or a token was invalidated.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Takes a caller one step further. A call that has waited before is not counted again.
    pub(super) fn step(
        self: &Arc<Self>,
        rejected: Option<&AccessToken>,
        waited: bool,
    ) -> Result<Step, TokenError> {
        let now = self.clock.now();
        let mut slot = self.lock();
        let decision = match rejected {
            Some(token) => slot.state.decide_after_rejection(now, token),
            None => slot.state.decide(now),
        };
        match decision {
            Decision::Serve(token) => {
                slot.count_served(waited);
                drop(slot);
                events::hit(&self.source_name);
                Ok(Step::Serve(token))
            }
            Decision::ServeAndFetch(token) => {
                slot.count_served(waited);
                // Outside a runtime nothing can be renewed, and a valid token still serves.
                if let Ok(runtime) = Handle::try_current() {
                    self.launch(slot, now, &runtime);
                }
                Ok(Step::Serve(token))
            }
            Decision::Wait(flight) => {
                slot.count_wait(waited);
                Ok(Step::Wait(flight))
            }
            Decision::FetchAndWait => {
                let Ok(runtime) = Handle::try_current() else {
                    drop(slot);
                    return self.fall_back(self.no_runtime()).map(Step::Serve);
                };
                slot.count_wait(waited);
                Ok(Step::Wait(self.launch(slot, now, &runtime)))
            }
            Decision::Fail(error) => Err(error),
        }
    }

    /// What a caller gets whose flight failed: the held token where there is one, else the error.
    pub(super) fn fall_back(&self, error: TokenError) -> Outcome {
        let now = self.clock.now();
        let mut slot = self.lock();
        let token = slot.state.servable(now).map(|held| held.token().clone()).ok_or(error)?;
        slot.counters.served_while_failing += 1;
        Ok(token)
    }

    /// Starts a fetch if one is due, on behalf of no caller.
    pub(super) fn upkeep(self: &Arc<Self>) -> Upkeep {
        let now = self.clock.now();
        let slot = self.lock();
        let token = slot.state.servable(now).map(|held| held.token().clone());
        let mut look_again_in = slot.state.fetch_in(now);
        if slot.state.flight(now).is_some() {
            look_again_in = Duration::MAX;
        } else if let (true, Ok(runtime)) = (look_again_in.is_zero(), Handle::try_current()) {
            self.launch(slot, now, &runtime);
            look_again_in = Duration::MAX;
        }
        Upkeep { token, look_again_in }
    }

    /// Takes in what a fetch brought; returns what all who waited for it get.
    ///
    /// Here every token comes in, so here it is judged.
    pub(super) fn land(&self, number: u64, outcome: Outcome) -> Outcome {
        let now = self.clock.now().wall;
        let outcome = outcome.and_then(|token| token.admit(&self.source_name, &self.scope, now));
        let random = (self.random)();
        self.finish(number, outcome, |state, now, outcome| state.land(now, outcome, random))
    }

    /// Takes in that a fetch ended through no fault of its source.
    pub(super) fn abandon(&self, number: u64, error: TokenError) -> Outcome {
        self.finish(number, Err(error), |state, now, outcome| state.abandon(now, outcome))
    }

    pub(super) fn invalidate(&self, token: &AccessToken) {
        let now = self.clock.now();
        if self.lock().state.invalidate(now, token) {
            events::invalidated(&self.source_name);
            self.changes.send_replace(());
        }
    }

    pub(super) fn stats(&self) -> CacheStats {
        let now = self.clock.now();
        let slot = self.lock();
        slot.counters.stats(&slot.state, now)
    }

    fn launch(
        self: &Arc<Self>,
        mut slot: MutexGuard<'_, Slot>,
        now: Moment,
        runtime: &Handle,
    ) -> Flight {
        let launch = slot.state.plan(now);
        let (pilot, flight) = flight::prepare(launch, runtime, Arc::downgrade(self));
        slot.state.depart(launch, flight.clone());
        slot.counters.fetches += 1;
        slot.counters.forced += u64::from(launch.forced);
        // A runtime that is shutting down drops the task at once, and that takes the lock again.
        drop(slot);
        events::launched(&self.source_name, launch);
        let fetch = pilot.fetch(self.source.clone(), self.scope.clone());
        runtime.spawn(fetch.instrument(events::fetch_span(&self.source_name)));
        flight
    }

    fn finish(
        &self,
        number: u64,
        outcome: Outcome,
        change: impl FnOnce(&mut State<Flight>, Moment, Outcome) -> Landing,
    ) -> Outcome {
        let now = self.clock.now();
        let mut slot = self.lock();
        if !slot.state.arrive(number) {
            return outcome;
        }
        let landing = change(&mut slot.state, now, outcome);
        if let Err(error) = &landing.outcome {
            slot.counters.failures += 1;
            slot.counters.last_error = Some(error.clone());
        }
        drop(slot);
        events::landed(&self.source_name, &landing);
        self.changes.send_replace(());
        landing.outcome
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_runtime(&self) -> TokenError {
        let problem = "a token can be fetched inside a tokio runtime only";
        TokenError::new(TokenErrorKind::Configuration, self.source_name.clone(), problem)
            .with_hint("call from a task of a tokio runtime, or enter one with Handle::enter")
    }
}

impl Slot {
    fn count_served(&mut self, waited: bool) {
        self.counters.served_from_cache += u64::from(!waited);
        self.counters.served_while_failing += u64::from(self.state.failures() > 0);
    }

    fn count_wait(&mut self, waited: bool) {
        self.counters.waits += u64::from(!waited);
    }
}
