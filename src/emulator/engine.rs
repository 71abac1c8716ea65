//! The thread on which a local Azure lives.

use std::{future::Future, sync::mpsc, thread, time::Duration};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
};

use super::EmulatorError;

/// How long the runtime may take to give up work that blocks.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// A thread with a runtime of its own, so that the local Azure serves callers of any runtime, paused
/// clocks and programs without one. Dropping it ends every task and waits for the thread.
#[derive(Debug)]
pub(crate) struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Engine {
    pub(crate) fn start() -> Result<Self, EmulatorError> {
        let start_failed = || EmulatorError::io("start the thread of the local Azure");
        let runtime = Builder::new_current_thread().enable_all().build().map_err(start_failed())?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("local-azure".to_owned())
            .spawn(move || run(runtime, stopped))
            .map_err(start_failed())?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs a future on the engine and blocks until it is done; also inside another runtime.
    pub(crate) fn run<F, T>(&self, future: F) -> Result<T, EmulatorError>
    where
        F: Future<Output = Result<T, EmulatorError>> + Send + 'static,
        T: Send + 'static,
    {
        run_on(&self.handle, future)
    }
}

/// Runs a future on the engine with this handle and blocks until it is done.
pub(crate) fn run_on<F, T>(engine: &Handle, future: F) -> Result<T, EmulatorError>
where
    F: Future<Output = Result<T, EmulatorError>> + Send + 'static,
    T: Send + 'static,
{
    let (answer, answered) = mpsc::sync_channel(1);
    engine.spawn(async move {
        // The receiver is gone only when the caller no longer wants the answer.
        let _ = answer.send(future.await);
    });
    answered.recv().unwrap_or(Err(EmulatorError::Stopped))
}

/// Does work that takes a while on a thread of its own, which is made at once.
pub(crate) fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmulatorError> + Send + 'static,
) -> Result<impl Future<Output = Result<T, EmulatorError>>, EmulatorError> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        // The receiver is gone only when the caller no longer wants the answer.
        let _ = answer.send(work());
    };
    thread::Builder::new().spawn(work).map_err(EmulatorError::io("start a thread"))?;
    Ok(async { answered.await.unwrap_or(Err(EmulatorError::Stopped)) })
}

fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    // An error means that the sender was dropped, which is the signal too.
    let _ = runtime.block_on(stopped);
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by its hook; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}
