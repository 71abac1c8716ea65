//! diesel-async 0.9 (feature `diesel-async`).
//!
//! ```no_run
//! use diesel_async::AsyncPgConnection;
//! use postgres_entra::{Connector, pool};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::from_env()?;
//! let manager = pool::diesel_async::manager(&connector);
//! let pool = diesel_async::pooled_connection::deadpool::Pool::builder(manager).max_size(16).build()?;
//!
//! let mut connection = pool.get().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Before it hands a connection out, the pool asks the server whether it still works, and gives it up if there
//! is no answer within 5 s, or the connector's deadline if that is shorter: one round trip a checkout.
//!
//! A connect has the connector's deadline. A checkout of this pool otherwise waits without limit while all
//! connections are in use, unless its builder gets a `wait_timeout` and, from deadpool 0.13 with the
//! feature `rt_tokio_1`, `runtime(deadpool::Runtime::Tokio1)`.
//!
//! bb8 and mobc take the same [`manager`], with those features of diesel-async:
//!
//! ```text
//! let pool = diesel_async::pooled_connection::bb8::Pool::builder().build(manager).await?;
//! ```
//!
//! The pool can tell why it has no connection in words only, as
//! [`ConnectionError::BadConnection`]: an error with all of its causes. [`connect`] returns the [`Error`].

use std::time::Duration;

use ::diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
};
use diesel::{ConnectionError, QueryResult, result::DatabaseErrorKind};
use tokio::time::{timeout, timeout_at};

use super::check_limit;
use crate::{
    connector::{Connector, driver::TokioPostgres},
    error::{ConnectError, Error, Stage, cause},
};

/// Connects as [`Connector::connect`] does, for diesel.
///
/// Cancel safe, as that is.
///
/// # Errors
///
/// As [`Connector::connect`], and [`Error::Connect`] if the session can't be set up for diesel.
pub async fn connect(connector: &Connector) -> Result<AsyncPgConnection, Error> {
    let ends_at = connector.ends_at();
    let (client, connection) = connector.open(&TokioPostgres).await?;
    let set_up = AsyncPgConnection::try_from_client_and_connection(client, connection);
    match timeout_at(ends_at, set_up).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => {
            let host = connector.settings().first_host();
            let is_lost = cause::lost_connection(&error);
            Err(ConnectError::not_set_up(host.name(), host.port(), is_lost, error).into())
        }
        Err(_) => {
            let limit = connector.deadline();
            Err(Error::Timeout { stage: Stage::Login, limit, last: None })
        }
    }
}

/// What makes the connections of a pool, all of them with [`connect`], and checks them with a limit.
pub fn manager(connector: &Connector) -> AsyncDieselConnectionManager<AsyncPgConnection> {
    let limit = check_limit(connector);
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::CustomFunction(Box::new(move |connection| {
        Box::pin(check(connection, limit))
    }));
    manager_with_config(connector, config)
}

/// Asks the server for an answer, in one round trip: a query of diesel's own would be prepared first.
async fn check(connection: &mut AsyncPgConnection, limit: Duration) -> QueryResult<()> {
    match timeout(limit, connection.batch_execute("SELECT 1")).await {
        Ok(answer) => answer,
        Err(_) => {
            let kind = DatabaseErrorKind::ClosedConnection;
            let problem = "the server did not answer in time".to_owned();
            Err(diesel::result::Error::DatabaseError(kind, Box::new(problem)))
        }
    }
}

/// As [`manager`], with a configuration of your own, whose `custom_setup` is replaced. Its recycling
/// methods have no limit, but for a function that has one itself.
pub fn manager_with_config(
    connector: &Connector,
    mut config: ManagerConfig<AsyncPgConnection>,
) -> AsyncDieselConnectionManager<AsyncPgConnection> {
    let connector = connector.clone();
    config.custom_setup = Box::new(move |_url| {
        let connector = connector.clone();
        Box::pin(async move { connect(&connector).await.map_err(|error| in_words(&error)) })
    });
    // The connector knows where to connect.
    AsyncDieselConnectionManager::new_with_config("", config)
}

/// The error with its causes, in the variant that diesel has for it.
fn in_words(error: &Error) -> ConnectionError {
    let mut text = error.to_string();
    for cause in cause::all(error) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    ConnectionError::BadConnection(text)
}
