//! r2d2 for clients of the `postgres` crate.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};

use postgres::Client;
use r2d2::ManageConnection;

use super::{Connector, ErrorLog, timed_tls::StreamControl};
use crate::error::Error;

/// How long a pool waits for a server's answer before it gives a connection up, unless the connector's deadline is
/// shorter. The answer takes one round trip.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// Makes the connections of an r2d2 pool: clients of the `postgres` crate.
///
/// ```no_run
/// use std::time::Duration;
/// use postgres_entra::blocking::{ConnectionManager, Connector};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::from_env()?;
/// let manager = ConnectionManager::new(&connector);
/// let errors = manager.error_log();
/// let pool = r2d2::Pool::builder()
///     .max_size(16)
///     .connection_timeout(Duration::from_secs(35)) // a little more than the connector's deadline
///     .error_handler(Box::new(errors.clone()))
///     .build(manager)?;
///
/// let mut client = pool.get()?;
/// client.execute("SELECT 1", &[])?;
/// # Ok(())
/// # }
/// ```
///
/// r2d2 fills the pool when it is built, and `build` fails if that takes longer than the `connection_timeout`, unless
/// `min_idle` is 0. A failed connect is tried again, with pauses, until the caller's time is up; r2d2's own error has
/// the text of the last one, and the [`ErrorLog`] the [`Error`] itself. A pool that is dropped closes its connections
/// at once; r2d2's own threads end within the next half minute.
///
/// Its connections are those of `postgres`, with its rules for async tasks: see [the module](super).
#[derive(Clone, Debug)]
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
pub struct ConnectionManager {
    connector: Connector,
    errors: ErrorLog,
}

impl ConnectionManager {
    /// A manager whose connections are this connector's.
    pub fn new(connector: &Connector) -> Self {
        Self { connector: connector.clone(), errors: ErrorLog::default() }
    }

    /// Where the pool's errors go, once it is given to the pool's builder as its `error_handler`.
    pub fn error_log(&self) -> ErrorLog {
        self.errors.clone()
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = PooledClient;
    type Error = Error;

    fn connect(&self) -> Result<PooledClient, Error> {
        let (client, control) = self.connector.connect_with_control()?;
        self.errors.clear();
        Ok(PooledClient { client, control })
    }

    fn is_valid(&self, pooled: &mut PooledClient) -> Result<(), Error> {
        let limit = self.connector.inner().deadline().min(CHECK_LIMIT);
        pooled.client.is_valid(limit).map_err(|error| {
            // The pool drops it on the thread of whoever wants a connection.
            pooled.control.give_up();
            self.connector.unreachable(error)
        })
    }

    fn has_broken(&self, pooled: &mut PooledClient) -> bool {
        pooled.client.is_closed()
    }
}

/// A connection of an r2d2 pool: dereferences to the client.
///
/// One that the pool gives up ends at once, where a client that is dropped waits for a server that may never answer.
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
pub struct PooledClient {
    client: Client,
    control: StreamControl,
}

impl Deref for PooledClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for PooledClient {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl fmt::Debug for PooledClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledClient").finish_non_exhaustive()
    }
}
