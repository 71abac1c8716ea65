//! One fetch: a spawned task, and those who wait for it.

use std::{
    future::{pending, ready},
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{shared::Shared, state::Launch};
use crate::{
    error::{TokenError, TokenErrorKind},
    source::{FailedAttempt, TokenSource, heard},
    token::AccessToken,
};

pub(super) type Outcome = Result<AccessToken, TokenError>;

/// How long a runtime may do nothing at all until those who wait on another one take it for one that nobody
/// runs: a runtime of a single thread does nothing outside of `block_on`. If it was only busy, the cost is one
/// more request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A fetch under way, as those who wait see it. They may stop waiting at any time.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    number: u64,
    overdue_at: Instant,
    runtime: Handle,
    outcome: watch::Receiver<Option<Outcome>>,
    attempt: watch::Receiver<Option<FailedAttempt>>,
}

/// A fetch under way, as its task sees it. However the task ends, the cache is told.
pub(super) struct Pilot {
    launch: Launch,
    cache: Weak<Shared>,
    outcome: watch::Sender<Option<Outcome>>,
    attempt: watch::Sender<Option<FailedAttempt>>,
}

pub(super) fn prepare(launch: Launch, runtime: &Handle, cache: Weak<Shared>) -> (Pilot, Flight) {
    let (outcome, ended) = watch::channel(None);
    let (attempt, heard) = watch::channel(None);
    let flight = Flight {
        number: launch.number,
        overdue_at: launch.overdue_at,
        runtime: runtime.clone(),
        outcome: ended,
        attempt: heard,
    };
    (Pilot { launch, cache, outcome, attempt }, flight)
}

impl Flight {
    /// Which one it is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Waits for the outcome, or returns nothing once the flight is overdue or nobody runs its runtime.
    /// Cancel safe.
    pub(super) async fn landed(self) -> Option<Outcome> {
        match Handle::try_current() {
            Ok(here) if here.id() != self.runtime.id() => {
                let overdue_at = self.overdue_at;
                let idle = pin!(timeout_at(overdue_at, idle(self.runtime.clone())));
                match select(pin!(self.ended()), idle).await {
                    Either::Left((outcome, _)) => Some(outcome),
                    Either::Right(_) => None,
                }
            }
            // Somebody runs it, but the source may block the thread that it is on.
            Ok(_) => timeout_at(self.overdue_at, self.ended()).await.ok(),
            // Outside any runtime there is no timer, nor a way to start another fetch.
            Err(_) => Some(self.ended().await),
        }
    }

    /// The error of the last attempt that failed, if one has.
    pub(super) fn last_failure(&self) -> Option<TokenError> {
        self.attempt.borrow().as_ref().map(|attempt| attempt.error.clone())
    }

    /// Whether nothing comes before the deadline, since the source waits longer for its next attempt.
    pub(super) fn is_hopeless(&self, deadline: Instant) -> bool {
        self.attempt.borrow().as_ref().is_some_and(|attempt| attempt.next_at >= deadline)
    }

    /// Waits until it is clear that nothing comes before the deadline, since the source waits longer than
    /// that for its next attempt; returns the error that it waits for. Cancel safe.
    pub(super) async fn hopeless(mut self, deadline: Instant) -> TokenError {
        let is_too_late = |attempt: &Option<FailedAttempt>| {
            attempt.as_ref().is_some_and(|it| it.next_at >= deadline)
        };
        if let Ok(Some(attempt)) = self.attempt.wait_for(is_too_late).await.as_deref() {
            return attempt.error.clone();
        }
        // The fetch has ended, and whoever waits for its outcome has it.
        std::future::pending().await
    }

    async fn ended(mut self) -> Outcome {
        match self.outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            _ => Err(interrupted("token cache", "the fetch ended without a result")),
        }
    }
}

/// Waits until a runtime does nothing for a while.
async fn idle(runtime: Handle) {
    loop {
        match timeout(PATIENCE, runtime.spawn(ready(()))).await {
            Ok(Ok(())) => sleep(PATIENCE).await,
            // It has ended, and the fetch with it, which tells all who wait.
            Ok(Err(_)) => pending().await,
            Err(_) => return,
        }
    }
}

pub(super) fn given_up(source: &str) -> TokenError {
    interrupted(source, "the fetch has not ended in time, or nobody runs its runtime")
}

impl Pilot {
    /// Fetches a token, within the deadline and while the cache has an owner.
    pub(super) async fn fetch(self, source: Arc<dyn TokenSource>, scope: Arc<str>) {
        let deadline = self.launch.deadline;
        let attempt = self.attempt.clone();
        let listen = move |failed| drop(attempt.send_replace(Some(failed)));
        let answer = pin!(timeout(deadline, heard(listen, source.fetch_token(&scope))));
        // The cache itself watches each flight, so nobody watches once its last handle is gone.
        let abandoned = pin!(self.outcome.closed());
        let outcome = match select(answer, abandoned).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_elapsed), _)) => Err(timed_out(source.name(), deadline)),
            Either::Right(((), _)) => return,
        };
        let number = self.launch.number;
        self.report(|cache| cache.land(number, outcome));
    }

    fn report(&self, land: impl FnOnce(&Shared) -> Outcome) {
        if let Some(cache) = self.cache.upgrade() {
            self.outcome.send_replace(Some(land(&cache)));
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        if self.outcome.borrow().is_some() {
            return;
        }
        let number = self.launch.number;
        self.report(|cache| {
            let source = cache.source_name();
            if std::thread::panicking() {
                cache.land(number, Err(interrupted(source, "the fetch panicked")))
            } else {
                let problem = "the fetch was aborted or its runtime ended";
                cache.abandon(number, interrupted(source, problem))
            }
        });
    }
}

fn timed_out(source: &str, deadline: Duration) -> TokenError {
    let problem = format!("no token within {} s", deadline.as_secs_f32());
    TokenError::new(TokenErrorKind::Timeout, source.to_owned(), problem)
}

fn interrupted(source: &str, problem: &'static str) -> TokenError {
    TokenError::new(TokenErrorKind::Interrupted, source.to_owned(), problem)
}
