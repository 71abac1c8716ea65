//! What a pool lost on the way to its users.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;

/// Logs a pool's errors, as warnings of the target `postgres_entra::pool`, and keeps the last one.
///
/// bb8 tells those who wait for a connection no more than that their time is up, r2d2 the text of the last
/// error without its causes. Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct ErrorLog(Arc<Mutex<Option<Arc<Error>>>>);

impl ErrorLog {
    /// The last error, if no connection has been made since.
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.last().clone()
    }

    /// A connection was made.
    pub(crate) fn clear(&self) {
        let last = self.last().take();
        // Outside the lock: a cause may be anybody's type, with a `drop` of its own.
        drop(last);
    }

    fn log(&self, error: Error) {
        tracing::warn!(
            target: "postgres_entra::pool",
            error = &error as &dyn std::error::Error,
            "a connection of the pool failed"
        );
        let earlier = self.last().replace(Arc::new(error));
        drop(earlier);
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<Error>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "bb8")]
impl bb8::ErrorSink<Error> for ErrorLog {
    fn sink(&self, error: Error) {
        self.log(error);
    }

    fn boxed_clone(&self) -> Box<dyn bb8::ErrorSink<Error>> {
        Box::new(self.clone())
    }
}

#[cfg(any(feature = "blocking", feature = "diesel"))]
impl r2d2::HandleError<Error> for ErrorLog {
    fn handle_error(&self, error: Error) {
        self.log(error);
    }
}
