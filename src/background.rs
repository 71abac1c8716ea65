//! Blocking work off every runtime.

use std::{fmt, io, thread};

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
