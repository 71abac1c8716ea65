//! One fetch: a spawned task, and those who wait for it.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{sync::watch, time::timeout};

use super::shared::Shared;
use crate::{AccessToken, TokenError, TokenErrorKind, TokenSource};

pub(super) type Outcome = Result<AccessToken, TokenError>;

/// A fetch under way, as those who wait see it. They may stop waiting at any time.
#[derive(Clone, Debug)]
pub(super) struct Flight(watch::Receiver<Option<Outcome>>);

/// A fetch under way, as its task sees it. However the task ends, the cache is told.
pub(super) struct Pilot {
    cache: Weak<Shared>,
    outcome: watch::Sender<Option<Outcome>>,
}

pub(super) fn prepare(cache: Weak<Shared>) -> (Pilot, Flight) {
    let (outcome, watcher) = watch::channel(None);
    (Pilot { cache, outcome }, Flight(watcher))
}

impl Flight {
    /// Waits for the outcome. Cancel safe.
    pub(super) async fn landed(mut self) -> Outcome {
        match self.0.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            _ => Err(interrupted("token cache", "the fetch ended without a result")),
        }
    }
}

impl Pilot {
    /// Fetches a token, within the deadline and while the cache has an owner.
    pub(super) async fn fetch(
        self,
        source: Arc<dyn TokenSource>,
        scope: Arc<str>,
        deadline: Duration,
    ) {
        let answer = pin!(timeout(deadline, source.fetch_token(&scope)));
        // The cache itself watches each flight, so nobody watches once its last handle is gone.
        let abandoned = pin!(self.outcome.closed());
        let outcome = match select(answer, abandoned).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_elapsed), _)) => Err(timed_out(source.name(), deadline)),
            Either::Right(((), _)) => return,
        };
        self.report(|cache| cache.land(outcome));
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
        self.report(|cache| {
            let source = cache.source_name();
            if std::thread::panicking() {
                cache.land(Err(interrupted(source, "the fetch panicked")
                    .with_hint("see the panic message; the runtime needs its time driver")))
            } else {
                cache.abandon(interrupted(source, "the fetch was aborted or its runtime ended"))
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
