//! What a pool of r2d2 lost on the way to its users.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use r2d2::HandleError;

use crate::error::Error;

/// Logs a pool's errors, as warnings of the target `postgres_entra::pool`, and keeps the last one.
///
/// r2d2 tells those who wait for a connection the text of the last error, without its causes. Clones share what
/// they keep.
#[derive(Clone, Debug, Default)]
pub struct ErrorLog(Arc<Mutex<Option<Arc<Error>>>>);

impl ErrorLog {
    /// The last error, if no connection has been made since.
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.last().clone()
    }

    /// A connection was made.
    pub(super) fn clear(&self) {
        self.last().take();
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<Error>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HandleError<Error> for ErrorLog {
    fn handle_error(&self, error: Error) {
        tracing::warn!(
            target: "postgres_entra::pool",
            error = &error as &dyn std::error::Error,
            "a connection of the pool failed"
        );
        *self.last() = Some(Arc::new(error));
    }
}
