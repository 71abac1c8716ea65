//! Blocking work beside async tests: on plain threads, which know no runtime.

use std::thread;

use tokio::sync::oneshot;

/// Does the work on a thread of its own.
pub async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = oneshot::channel();
    thread::spawn(move || drop(done.send(work())));
    result.await.expect("a thread without panics")
}

/// Something that must not be used or dropped in an async task.
pub struct OnThreads<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> OnThreads<T> {
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Uses it on a thread of its own.
    pub async fn with<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> R {
        let mut value = self.0.take().expect("a use that was waited for");
        let (value, result) = on_a_thread(move || {
            let result = work(&mut value);
            (value, result)
        })
        .await;
        self.0 = Some(value);
        result
    }
}

impl<T: Send + 'static> Drop for OnThreads<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            let dropped = thread::spawn(move || drop(value)).join();
            assert!(dropped.is_ok() || thread::panicking());
        }
    }
}
