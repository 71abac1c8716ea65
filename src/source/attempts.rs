//! Telling those who wait for a fetch what its attempts have led to so far.

use std::{future::Future, sync::Arc};

use tokio::{task_local, time::Instant};

use crate::error::TokenError;

/// An attempt that failed and is followed by another within the same fetch.
#[derive(Clone, Debug)]
pub(crate) struct FailedAttempt {
    pub(crate) error: TokenError,
    /// When the next one begins.
    pub(crate) next_at: Instant,
}

type Listener = Arc<dyn Fn(FailedAttempt) + Send + Sync>;

task_local! {
    /// Of the fetch that this task makes. Not an argument of the trait: a source of one's own has no
    /// duty to tell.
    static LISTENER: Listener;
}

/// Fetches with somebody who hears of each failed attempt.
pub(crate) fn heard<F: Future>(
    listener: impl Fn(FailedAttempt) + Send + Sync + 'static,
    fetch: F,
) -> impl Future<Output = F::Output> {
    LISTENER.scope(Arc::new(listener), fetch)
}

/// Tells whoever listens, if anybody does.
pub(in crate::source) fn report(error: &TokenError, next_at: Instant) {
    let _ = LISTENER.try_with(|listener| listener(FailedAttempt { error: error.clone(), next_at }));
}
