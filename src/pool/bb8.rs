//! bb8 (feature `bb8`).
//!
//! bb8 tells those who wait for a connection no more than [`TimedOut`](bb8::RunError::TimedOut), however a
//! connect failed. The manager's [`ErrorLog`] logs the causes and keeps the last one:
//!
//! ```no_run
//! use std::time::Duration;
//! use bb8::ErrorSink;
//! use postgres_entra::{Connector, pool::bb8::ConnectionManager};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::builder().deadline(Duration::from_secs(9)).build()?;
//! let manager = ConnectionManager::new(&connector);
//! let errors = manager.error_log();
//! let pool = bb8::Pool::builder()
//!     .max_size(16)
//!     .connection_timeout(Duration::from_secs(10))
//!     .error_sink(errors.boxed_clone())
//!     .build_unchecked(manager);
//!
//! match pool.get().await {
//!     Ok(client) => println!("{}", client.query_one("SELECT version()", &[]).await?.get::<_, &str>(0)),
//!     Err(timeout) => println!("{timeout}: {:?}", errors.last_error()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! bb8 tries a failed connect again until its `connection_timeout`, and the caller waits for all of it
//! with `retry_connection(false)` too. Only
//! [`Builder::build`](bb8::Builder::build) with a `min_idle` and
//! [`dedicated_connection`](bb8::Pool::dedicated_connection) return the [`Error`] itself.
//!
//! A bb8 pool closes with its last handle: connections end then, or when they are returned. Its reaper
//! task ends at its next tick (30 s), a connect under way at the connector's deadline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::bb8::{ErrorSink, ManageConnection};
use tokio_postgres::Client;

use crate::{ConnectError, Connector, Error};

/// Makes the connections of a bb8 pool.
#[derive(Clone, Debug)]
pub struct ConnectionManager {
    connector: Connector,
    errors: ErrorLog,
}

impl ConnectionManager {
    /// A manager whose connections are this connector's.
    pub fn new(connector: &Connector) -> Self {
        Self { connector: connector.clone(), errors: ErrorLog::default() }
    }

    /// Where the pool's errors go, once it is given to the pool's builder as its `error_sink`.
    pub fn error_log(&self) -> ErrorLog {
        self.errors.clone()
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = Client;
    type Error = Error;

    async fn connect(&self) -> Result<Client, Error> {
        let client = self.connector.connect().await?;
        self.errors.last().take();
        Ok(client)
    }

    async fn is_valid(&self, client: &mut Client) -> Result<(), Error> {
        let checked = client.check_connection().await;
        let host = &self.connector.settings().hosts()[0];
        checked.map_err(|error| ConnectError::new(host.name(), host.port(), true, error).into())
    }

    fn has_broken(&self, client: &mut Client) -> bool {
        client.is_closed()
    }
}

/// Logs a pool's errors, as warnings of the target `postgres_entra::pool`, and keeps the last one.
///
/// Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct ErrorLog(Arc<Mutex<Option<Arc<Error>>>>);

impl ErrorLog {
    /// The last error, if no connection has been made since.
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.last().clone()
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<Error>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ErrorSink<Error> for ErrorLog {
    fn sink(&self, error: Error) {
        tracing::warn!(
            target: "postgres_entra::pool",
            error = &error as &dyn std::error::Error,
            "the pool has no connection for this"
        );
        *self.last() = Some(Arc::new(error));
    }

    fn boxed_clone(&self) -> Box<dyn ErrorSink<Error>> {
        Box::new(self.clone())
    }
}
