use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::watch, time::Instant};
use tracing::Instrument;

use super::{
    CacheStats, RefreshPolicy, events,
    flight::{self, Flight, Outcome},
    lane::Lane,
    served::Served,
    slot::{Locked, Slot},
    state::{Decision, Landing, State},
};
use crate::{
    clock::{Clock, Moment, has_timers},
    error::{TokenError, TokenErrorKind},
    source::TokenSource,
    token::AccessToken,
};

/// What all handles of a cache share: it asks the clock, lets the state decide, and does what it says.
///
/// A hit takes no lock. Everything else holds it for a decision only: not across an await, and not while
/// the source, a callback or a `tracing` subscriber runs.
pub(super) struct Shared {
    source: Arc<dyn TokenSource>,
    source_name: String,
    scope: Arc<str>,
    clock: Arc<dyn Clock>,
    random: fn() -> u64,
    slot: Slot,
    served: Served,
    changes: watch::Sender<()>,
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
        let slot = Slot::new(policy, source_name.clone());
        let (served, changes) = (Served::default(), watch::Sender::new(()));
        Self { source, source_name, scope: scope.into(), clock, random, slot, served, changes }
    }

    pub(super) fn source(&self) -> Arc<dyn TokenSource> {
        self.source.clone()
    }

    pub(super) fn policy(&self) -> RefreshPolicy {
        self.slot.lock().state().policy()
    }

    pub(super) fn source_name(&self) -> &str {
        &self.source_name
    }

    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    #[cfg(test)]
    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Fires when a fetch has ended or a token was invalidated.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The held token, if taking it is all that a call has to do now: without the lock.
    pub(super) fn hit(&self) -> Option<AccessToken> {
        let now = self.clock.now();
        let published = self.slot.published();
        let published = published.as_deref()?;
        let lane = Lane::of_this_thread();
        let token = published.serve(now, lane)?;
        self.served.add(lane, true, published.snapshot().failing);
        events::hit(&self.source_name);
        Some(token)
    }

    /// Takes a caller one step further. A call that has waited before is not counted again.
    pub(super) fn step(
        self: &Arc<Self>,
        rejected: Option<&AccessToken>,
        waited: bool,
    ) -> Result<Step, TokenError> {
        // Found out before the lock is taken: what a runtime lacks, the panic hook hears, which is anybody's.
        let runtime = self.runtime();
        let now = self.clock.now();
        let mut slot = self.slot.lock();
        let state = slot.state();
        let failing = state.failures() > 0;
        let decision = match rejected {
            Some(token) => state.decide_after_rejection(now, token),
            None => state.decide(now),
        };
        match decision {
            Decision::Serve(token) => {
                drop(slot);
                self.served.add(Lane::of_this_thread(), !waited, failing);
                events::hit(&self.source_name);
                Ok(Step::Serve(token))
            }
            Decision::ServeAndFetch(token) => {
                self.served.add(Lane::of_this_thread(), !waited, failing);
                // Outside a runtime nothing can be renewed, and a valid token still serves.
                if let Ok(runtime) = runtime {
                    self.launch(slot, now, &runtime);
                }
                Ok(Step::Serve(token))
            }
            Decision::Wait(flight) => match runtime {
                Err(error) if Handle::try_current().is_ok() => {
                    drop(slot);
                    self.fall_back(error).map(Step::Serve)
                }
                // Outside any runtime too, where one waits until the fetch's own runtime ends it.
                _ => {
                    slot.counters_mut().waits += u64::from(!waited);
                    Ok(Step::Wait(flight))
                }
            },
            Decision::FetchAndWait => match runtime {
                Ok(runtime) => {
                    slot.counters_mut().waits += u64::from(!waited);
                    Ok(Step::Wait(self.launch(slot, now, &runtime)))
                }
                Err(error) => {
                    drop(slot);
                    self.fall_back(error).map(Step::Serve)
                }
            },
            Decision::Fail(error) => Err(error),
        }
    }

    /// What a caller gets whose flight failed: the held token where there is one, else the error.
    pub(super) fn fall_back(&self, error: TokenError) -> Outcome {
        let now = self.clock.now();
        let slot = self.slot.lock();
        let token = slot.state().servable(now).map(|held| held.token().clone());
        drop(slot);
        let token = token.ok_or(error)?;
        self.served.add(Lane::of_this_thread(), false, true);
        Ok(token)
    }

    /// Starts a fetch if one is due, on behalf of no caller.
    pub(super) fn upkeep(self: &Arc<Self>) -> Upkeep {
        let now = self.clock.now();
        let slot = self.slot.lock();
        let token = slot.state().servable(now).map(|held| held.token().clone());
        let mut look_again_in = slot.state().fetch_in(now);
        if slot.state().flight(now).is_some() {
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

    /// Forgets a fetch that those who wait have given up, so that another can start.
    pub(super) fn give_up(&self, number: u64) {
        // Nobody waits for this outcome.
        let _ = self.abandon(number, flight::given_up(&self.source_name));
    }

    pub(super) fn invalidate(&self, token: &AccessToken) {
        let now = self.clock.now();
        if self.slot.lock().state_mut().invalidate(now, token) {
            events::invalidated(&self.source_name);
            self.changes.send_replace(());
        }
    }

    pub(super) fn stats(&self) -> CacheStats {
        let now = self.clock.now();
        let slot = self.slot.lock();
        let mut stats = slot.counters().stats(&self.served, slot.state(), now);
        if let Some(error) = slot.state().flight(now).and_then(Flight::last_failure) {
            stats.last_error = Some(error);
        }
        stats
    }

    /// Whether a fetch is under way that brings nothing before the deadline.
    pub(super) fn is_hopeless(&self, deadline: Instant) -> bool {
        let now = self.clock.now();
        self.slot.lock().state().flight(now).is_some_and(|flight| flight.is_hopeless(deadline))
    }

    /// The error of the last attempt of the fetch that is under way, if one has failed.
    pub(super) fn last_attempt(&self) -> Option<TokenError> {
        let now = self.clock.now();
        self.slot.lock().state().flight(now).and_then(Flight::last_failure)
    }

    fn launch(self: &Arc<Self>, mut slot: Locked<'_>, now: Moment, runtime: &Handle) -> Flight {
        let launch = slot.state_mut().plan(now);
        let (pilot, flight) = flight::prepare(launch, runtime, Arc::downgrade(self));
        slot.state_mut().depart(launch, flight.clone());
        slot.counters_mut().fetches += 1;
        slot.counters_mut().forced += u64::from(launch.forced);
        // A runtime that is shutting down drops the task at once, and that takes the lock again.
        drop(slot);
        events::launched(&self.source_name, launch);
        #[cfg(feature = "metrics")]
        crate::metrics::token_requested(&self.source_name, launch.forced);
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
        let mut slot = self.slot.lock();
        if !slot.state_mut().arrive(number) {
            return outcome;
        }
        // Dropped when the lock is free: the cause of an error may be anybody's type, whose `drop` may come here.
        let replaced = (slot.counters().last_error.clone(), slot.state().last_failure());
        let landing = change(slot.state_mut(), now, outcome);
        if let Err(error) = &landing.outcome {
            slot.counters_mut().failures += 1;
            slot.counters_mut().last_error = Some(error.clone());
        }
        drop(slot);
        drop(replaced);
        events::landed(&self.source_name, &landing);
        #[cfg(feature = "metrics")]
        crate::metrics::token_answered(
            &self.source_name,
            landing.outcome.as_ref(),
            landing.unchanged,
            now.wall,
        );
        self.changes.send_replace(());
        landing.outcome
    }

    /// The runtime to fetch on.
    fn runtime(&self) -> Result<Handle, TokenError> {
        let runtime = Handle::try_current().map_err(|_| self.no_runtime())?;
        if has_timers() { Ok(runtime) } else { Err(self.no_timers()) }
    }

    fn no_timers(&self) -> TokenError {
        let problem = "this tokio runtime has no timers, so nothing would end in time";
        TokenError::new(TokenErrorKind::Configuration, self.source_name.clone(), problem)
            .with_hint("build the runtime with enable_all, or enable_time and enable_io")
    }

    fn no_runtime(&self) -> TokenError {
        let problem = "a token can be fetched inside a tokio runtime only";
        TokenError::new(TokenErrorKind::Configuration, self.source_name.clone(), problem)
            .with_hint("call from a task of a tokio runtime, or enter one with Handle::enter")
    }
}
