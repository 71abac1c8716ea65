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

use ::diesel_async::{
    AsyncPgConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig},
};
use diesel::ConnectionError;
use tokio::time::timeout_at;

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
            Err(ConnectError::new(host.name(), host.port(), true, error).into())
        }
        Err(_) => {
            let limit = connector.deadline();
            Err(Error::Timeout { stage: Stage::Login, limit, last: None })
        }
    }
}

/// What makes the connections of a pool: all of them with [`connect`].
pub fn manager(connector: &Connector) -> AsyncDieselConnectionManager<AsyncPgConnection> {
    manager_with_config(connector, ManagerConfig::default())
}

/// As [`manager`], with a configuration of your own, whose `custom_setup` is replaced.
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
