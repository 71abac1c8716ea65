//! Blocking work off every runtime.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::sync::watch;

/// Work on a thread of its own, whose result any number of tasks wait for.
///
/// No runtime has a part in it: one that nobody drives holds up nobody else, and work that never ends,
/// such as reading from a mount that hangs, keeps neither a runtime nor the process from ending.
#[derive(Clone)]
pub(crate) struct Background<T>(watch::Receiver<Option<T>>);

/// The thread ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its thread panicked")]
pub(crate) struct Panicked;

impl<T: Clone + Send + Sync + 'static> Background<T> {
    /// Begins the work.
    ///
    /// # Errors
    ///
    /// That of the operating system if it has no thread left.
    pub(crate) fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (result, watched) = watch::channel(None);
        let work = move || drop(result.send_replace(Some(work())));
        // Detached: whoever waits has a deadline, and whoever has given up must not be kept by it.
        thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self(watched))
    }

    /// The result, once it is there; `None` while the thread is at work.
    pub(crate) fn outcome(&self) -> Option<Result<T, Panicked>> {
        // Asked in this order: a thread that ends in between has left its result.
        let is_over = self.0.has_changed().is_err();
        let result = self.0.borrow().clone();
        result.map(Ok).or_else(|| is_over.then_some(Err(Panicked)))
    }

    /// Waits for the result. Cancel safe; needs neither a timer nor the runtime of anybody else.
    pub(crate) async fn result(&self) -> Result<T, Panicked> {
        let mut watched = self.0.clone();
        let result = watched.wait_for(Option::is_some).await;
        result.ok().and_then(|result| result.clone()).ok_or(Panicked)
    }
}

impl<T> fmt::Debug for Background<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Background").finish_non_exhaustive()
    }
}

/// Work that is never done twice at a time: whoever comes while it is under way waits for that. So what never
/// ends costs one thread, however often it is asked for. Clones share it.
pub(crate) struct OneAtATime<T>(Arc<Mutex<Option<Background<T>>>>);

impl<T: Clone + Send + Sync + 'static> OneAtATime<T> {
    /// Joins the work under way, or begins it.
    pub(crate) fn join_or_start(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Background<T>> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = latest.as_ref().filter(|it| it.outcome().is_none()) {
            return Ok(under_way.clone());
        }
        Ok(latest.insert(Background::start(name, work)?).clone())
    }
}

impl<T> Default for OneAtATime<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for OneAtATime<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for OneAtATime<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneAtATime").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn all_who_wait_get_the_result() {
        let (go, wait) = mpsc::channel();
        let work = Background::start("test", move || wait.recv().unwrap()).unwrap();
        assert_eq!(work.outcome(), None);
        let (first, second) = (work.clone(), work.clone());
        let waiting = tokio::spawn(async move { first.result().await });
        go.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(7));
        assert_eq!(second.result().await, Ok(7));
        assert_eq!(second.outcome(), Some(Ok(7)));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_nobody_waits_for_it() {
        let panicking: fn() -> u8 = || panic!("on purpose");
        let work = Background::start("test", panicking).unwrap();
        assert_eq!(work.result().await, Err(Panicked));
        assert_eq!(work.outcome(), Some(Err(Panicked)));
    }

    #[tokio::test]
    async fn work_that_never_ends_takes_one_thread() {
        let (go, wait) = mpsc::channel();
        let work = OneAtATime::default();
        let first = work.join_or_start("test", move || wait.recv().unwrap()).unwrap();
        let second = work.clone().join_or_start("test", || unreachable!("it is under way"));
        go.send(1).unwrap();
        assert_eq!((first.result().await, second.unwrap().result().await), (Ok(1), Ok(1)));
        let third = work.join_or_start("test", || 2).unwrap();
        assert_eq!(third.result().await, Ok(2), "what is over is done again");
    }

    #[test]
    fn a_runtime_that_is_not_driven_any_more_holds_up_nobody() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (go, wait) = mpsc::channel();
        let idle = runtime();
        // Begun in a task of a runtime that is then left alone.
        let work = idle.block_on(async {
            let work = Background::start("test", move || wait.recv().unwrap()).unwrap();
            let watched = work.clone();
            tokio::spawn(async move { watched.result().await });
            tokio::task::yield_now().await;
            work
        });
        go.send(7).unwrap();
        assert_eq!(runtime().block_on(work.result()), Ok(7));
    }
}
