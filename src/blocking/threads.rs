//! The threads on which blocking code's token requests and logins run.

use std::{
    future::Future,
    io,
    sync::{Mutex, PoisonError, mpsc},
};

use tokio::runtime::{Builder, Handle, Runtime};
use tracing::{Instrument, instrument::WithSubscriber};

/// The name that a debugger or `ps -T` shows.
const NAME: &str = "postgres-entra";

/// A runtime that starts when it is needed, and ends with its owner.
///
/// It is not the caller's, even where there is one: a current-thread runtime whose only thread waits here
/// would never get to the work.
#[derive(Debug, Default)]
pub(super) struct Threads(Mutex<Option<Runtime>>);

impl Threads {
    /// Runs the work there, and waits. No async code is entered on this thread, so it may be one of a runtime.
    ///
    /// Fails if there can be no runtime, or if the work panics.
    pub(super) fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, result) = mpsc::sync_channel(1);
        let work = async move {
            // Nobody listens if the caller panicked.
            let _ = done.send(work.await);
        };
        self.handle()?.spawn(work.in_current_span().with_current_subscriber());
        result.recv().map_err(|_| io::Error::other("the connecting task panicked"))
    }

    fn handle(&self) -> io::Result<Handle> {
        let mut runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(runtime.handle().clone());
        }
        let started =
            Builder::new_multi_thread().worker_threads(1).thread_name(NAME).enable_all().build()?;
        Ok(runtime.insert(started).handle().clone())
    }
}

impl Drop for Threads {
    /// Does not wait for the threads: that would panic in an async task.
    fn drop(&mut self) {
        let runtime = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_the_work_reaches_the_caller_as_an_error_and_spoils_nothing() {
        let threads = Threads::default();
        let error = threads.wait_for(async { panic!("boom") }).unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        assert_eq!(threads.wait_for(async { 7 }).unwrap(), 7);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_only_thread_of_a_runtime_may_wait_and_drop() {
        let threads = Threads::default();
        assert_eq!(threads.wait_for(async { 7 }).unwrap(), 7);
        drop(threads);
    }
}
