use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, task::AbortHandle, time::timeout};

use super::{
    events,
    shared::{Shared, Upkeep},
};
use crate::{clock::has_timers, token::AccessToken};

/// The longest sleep. The wall clock may be set, or the machine wake from a suspend, while the task
/// sleeps by the monotonic clock; this is how late it notices.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Keeps a token fresh while it lives: the guard of [`TokenCache::keep_fresh`].
///
/// It counts as a handle of the cache. Dropping it ends its task, and the callback is not called again;
/// a call that another thread is making at that moment runs to its end.
///
/// [`TokenCache::keep_fresh`]: crate::TokenCache::keep_fresh
#[must_use = "the token is kept fresh only while the guard lives"]
pub struct KeepFresh {
    task: AbortHandle,
    stopped: Arc<AtomicBool>,
}

impl KeepFresh {
    pub(super) fn start(
        cache: Arc<Shared>,
        callback: impl Fn(&AccessToken) + Send + Sync + 'static,
    ) -> Self {
        assert!(
            has_timers(),
            "keep_fresh needs a tokio runtime with timers: build it with enable_all"
        );
        let stopped = Arc::new(AtomicBool::new(false));
        let changes = cache.changes();
        let keeper = Keeper { cache, callback, stopped: stopped.clone(), shown: None };
        Self { task: tokio::spawn(keeper.run(changes)).abort_handle(), stopped }
    }
}

impl Drop for KeepFresh {
    fn drop(&mut self) {
        // Aborting alone would let a poll that is under way on another thread call once more.
        self.stopped.store(true, Ordering::SeqCst);
        self.task.abort();
    }
}

impl fmt::Debug for KeepFresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepFresh").finish_non_exhaustive()
    }
}

struct Keeper<C> {
    cache: Arc<Shared>,
    callback: C,
    stopped: Arc<AtomicBool>,
    shown: Option<AccessToken>,
}

impl<C: Fn(&AccessToken)> Keeper<C> {
    async fn run(mut self, mut changes: watch::Receiver<()>) {
        // An abort ends the task at a wait that is pending; this ends it at one that isn't.
        while !self.is_stopped() {
            // Marked as seen before the look: a change in between only causes another look.
            changes.mark_unchanged();
            let Upkeep { token, look_again_in } = self.cache.upkeep();
            if let Some(token) = token {
                self.show(token);
            }
            // Whether something changed or time passed, the next look tells.
            let _ = timeout(look_again_in.min(LONGEST_SLEEP), changes.changed()).await;
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn show(&mut self, token: AccessToken) {
        let known = self.shown.as_ref().is_some_and(|shown| shown.is_same_as(&token));
        if known || self.is_stopped() {
            return;
        }
        // The callback's own state is its own concern; the cache shares none with it.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.callback)(&token))) {
            events::callback_panicked(self.cache.source_name());
            // It is anybody's value too, whose `drop` may panic. What comes of that is nobody's to drop.
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            dropped.unwrap_or_else(std::mem::forget);
        }
        self.shown = Some(token);
    }
}
