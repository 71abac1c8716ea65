//! bb8 (feature `bb8`).
//!
//! However a connect failed, bb8 tells those who wait no more than [`TimedOut`](::bb8::RunError::TimedOut).
//! The manager's [`ErrorLog`] logs the causes and keeps the last one:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use postgres_entra::{Connector, pool::bb8::ConnectionManager};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::builder().deadline(Duration::from_secs(9)).build()?;
//! let manager = ConnectionManager::new(&connector);
//! let errors = manager.error_log();
//! let pool = bb8::Pool::builder()
//!     .connection_timeout(Duration::from_secs(10))
//!     .error_sink(Box::new(errors.clone()))
//!     .build_unchecked(manager);
//!
//! let client = match pool.get().await {
//!     Ok(client) => client,
//!     Err(timeout) => return Err(errors.last_error().map_or(timeout.into(), Into::into)),
//! };
//! # drop(client);
//! # Ok(())
//! # }
//! ```
//!
//! A failed connect is tried again until the `connection_timeout`, and the caller waits for all of it,
//! with `retry_connection(false)` too. The [`Error`] itself is returned by
//! [`dedicated_connection`](::bb8::Pool::dedicated_connection), and by `build` with a `min_idle`.
//!
//! Before it hands a connection out, bb8 asks the server whether it still works. A server that does not
//! answer within 5 s, or the connector's deadline if that is shorter, has lost it: the pool makes another.
//! Let the `connection_timeout` be longer than that, or a server that hangs is never found out.
//!
//! A pool closes when its last handle is dropped; each owned connection is one. Its reaper task ends at
//! its next tick (30 s), and a connect that is under way at the connector's deadline.

use std::{error::Error as StdError, io};

use ::bb8::ManageConnection;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::check_limit;
pub use crate::error_log::ErrorLog;
use crate::{
    connector::{Connector, drive},
    error::{ConnectError, Error},
};

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
        let (client, connection) = self.connector.connect_parts().await?;
        drive(connection);
        self.errors.clear();
        Ok(client)
    }

    async fn is_valid(&self, client: &mut Client) -> Result<(), Error> {
        // bb8 itself has no limit but that of the checkout, at which it keeps the connection for the next.
        let limit = check_limit(&self.connector);
        let cause: Box<dyn StdError + Send + Sync> =
            match timeout(limit, client.check_connection()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error.into(),
                Err(elapsed) => io::Error::new(io::ErrorKind::TimedOut, elapsed).into(),
            };
        let host = self.connector.settings().first_host();
        Err(ConnectError::new(host.name(), host.port(), true, cause).into())
    }

    fn has_broken(&self, client: &mut Client) -> bool {
        client.is_closed()
    }
}
