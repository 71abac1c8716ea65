//! diesel's `PgConnection`, which is libpq's (feature `diesel`).
//!
//! ```no_run
//! use diesel::prelude::*;
//! use postgres_entra::blocking::{Connector, diesel::ConnectionManager};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::from_env()?;
//! let pool = diesel::r2d2::Pool::builder().max_size(16).build(ConnectionManager::new(&connector))?;
//!
//! let mut connection = pool.get()?;
//! diesel::sql_query("SELECT 1").execute(&mut connection)?;
//! # Ok(())
//! # }
//! ```
//!
//! What libpq does otherwise:
//!
//! - TLS is its own, with its OpenSSL: the same verification, but [`tls_backend`](crate::ConnectorBuilder::tls_backend)
//!   has no say, and a private `sslrootcert` takes the place of the system's authorities instead of joining them.
//! - A connect that nobody waits for any more ends at its limit, in whole seconds and not before two.
//! - Nothing limits the check of a pooled connection, but `tcp_user_timeout` (30 s on Linux) and keepalives: a server
//!   that is alive and hangs holds up whoever is given a connection to it.
//! - It gives the server's words and no SQLSTATE. The errors here carry the SQLSTATE where the words are known
//!   ones, and else an empty one; of several lines they have the first.
//! - `PGREQUIREAUTH` and `PGSSLNEGOTIATION` in the environment apply to it, and can make a login fail.

use std::future::ready;

use ::diesel::{
    Connection as _, ConnectionError, PgConnection, QueryResult, RunQueryDsl as _, dsl::sql,
    r2d2::R2D2Connection, sql_types::Bool,
};
use r2d2::ManageConnection;
use tokio::task::spawn_blocking;

use super::{Connector, ErrorLog, libpq_answer};
use crate::{
    connector::{
        driver::{Attempt, Driver},
        server_role::ServerRole,
    },
    error::Error,
};

/// Connects for diesel, and waits for it on this thread, at most until the connector's
/// [`deadline`](crate::ConnectorBuilder::deadline).
///
/// # Errors
///
/// As [`Connector::connect`](crate::Connector::connect), and [`Error::Connect`] if the system allows no more threads.
pub fn connect(connector: &Connector) -> Result<PgConnection, Error> {
    connector.open(Libpq)
}

/// The driver that diesel connects with.
struct Libpq;

impl Driver for Libpq {
    type Session = PgConnection;

    const BRINGS_TLS: bool = true;

    async fn log_in(&self, attempt: Attempt<'_>) -> Result<PgConnection, Error> {
        let conninfo = attempt.conninfo(attempt.limit())?;
        attempt.enter_login();
        let asks_for_role = attempt.asks_for_role();
        let connecting = spawn_blocking(move || {
            let mut connection = PgConnection::establish(conninfo.expose())?;
            let role = asks_for_role.then(|| role_of(&mut connection)).transpose();
            Ok((connection, role.map_err(ConnectionError::CouldntSetupConfiguration)?))
        });
        let connected = connecting.await.map_err(|error| attempt.unreachable(error))?;
        let (connection, role) = connected.map_err(|error| match error {
            ConnectionError::BadConnection(text) => libpq_answer::classify(&attempt, &text),
            error => attempt.unreachable(attempt.excerpt(&error.to_string())),
        })?;
        if let Some(role) = role {
            attempt.check_role(ready(Ok(role))).await?;
        }
        Ok(connection)
    }
}

fn role_of(connection: &mut PgConnection) -> QueryResult<ServerRole> {
    // diesel writes the SELECT itself.
    let question = ServerRole::QUESTION.trim_start_matches("SELECT ");
    let in_recovery = ::diesel::select(sql::<Bool>(question)).get_result(connection)?;
    Ok(ServerRole::of_recovery(in_recovery))
}

/// Makes the connections of an r2d2 pool for diesel.
///
/// As with [the one for `postgres`](super::ConnectionManager), r2d2's errors have the text of the last [`Error`], and
/// the [`ErrorLog`] that error itself.
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

    /// Where the pool's errors go, once it is given to the pool's builder as its `error_handler`.
    pub fn error_log(&self) -> ErrorLog {
        self.errors.clone()
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = PgConnection;
    type Error = Error;

    fn connect(&self) -> Result<PgConnection, Error> {
        let connection = connect(&self.connector)?;
        self.errors.clear();
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut PgConnection) -> Result<(), Error> {
        connection.ping().map_err(|error| self.connector.unreachable(error))
    }

    /// As diesel's own manager has it: also a connection whose transaction was never ended.
    fn has_broken(&self, connection: &mut PgConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}
