//! deadpool-postgres (feature `deadpool`).
//!
//! The pool is a [`deadpool_postgres::Pool`] as ever, with its statement caches, hooks and metrics:
//!
//! ```no_run
//! use std::time::Duration;
//! use postgres_entra::{Connector, pool};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::builder().deadline(Duration::from_secs(9)).build()?;
//! let pool = pool::deadpool::builder(&connector)
//!     .max_size(16)
//!     .wait_timeout(Some(Duration::from_secs(10)))
//!     .create_timeout(Some(Duration::from_secs(10)))
//!     .build()?;
//!
//! let client = pool.get().await?;
//! let row = client.query_one("SELECT current_user::text", &[]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`entra_error`](super::entra_error) finds the reason for a failed connect in the causes of the
//! [`PoolError`](deadpool_postgres::PoolError). Read on to it: the text before it is the driver's "error
//! performing TLS handshake", whatever went wrong, since the driver lets nobody else make its errors.
//!
//! The pool's time-outs drop the connect that they interrupt. A token request that it waited for goes on,
//! so the next connect finds the token. After [`Pool::close`](deadpool_postgres::Pool::close) no task
//! and no connection is left but those of the clients that are still checked out.
//!
//! A pool of [`builder`]'s asks the server whether a connection still works before it hands it out, and gives
//! it up if there is no answer within 5 s, or the connector's deadline if that is shorter. That costs each
//! checkout one round trip. deadpool's own default, [`RecyclingMethod::Fast`] without a
//! `recycle_timeout`, asks nothing: it saves the round trip, and hands out connections to a server that
//! hangs. deadpool does not limit the life of a connection.

use std::{future::Future, pin::Pin};

use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Pool, PoolBuilder, RecyclingMethod, Runtime,
};
use tokio::{io::Empty, task::JoinHandle};
use tokio_postgres::{
    Client, Config,
    config::{SslMode, SslNegotiation},
    tls::{NoTlsStream, TlsConnect},
};

use super::check_limit;
use crate::{
    connector::{Connector, drive},
    error::Error,
};

/// A builder for a pool that checks its connections before it hands them out, with a limit, and that has
/// tokio as its runtime, which time-outs need.
pub fn builder(connector: &Connector) -> PoolBuilder {
    let checking = ManagerConfig { recycling_method: RecyclingMethod::Verified };
    Pool::builder(manager(connector, checking))
        .runtime(Runtime::Tokio1)
        .recycle_timeout(Some(check_limit(connector)))
}

/// What makes the connections of a pool, for a [`Pool::builder`] of your own.
pub fn manager(connector: &Connector, config: ManagerConfig) -> Manager {
    // The connector knows where to connect. What deadpool keeps here it would only show in `Debug`.
    Manager::from_connect(Config::new(), EntraConnect(connector.clone()), config)
}

struct EntraConnect(Connector);

type ConnectFuture<'a> = Pin<
    Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>,
>;

impl Connect for EntraConnect {
    fn connect(&self, _: &Config) -> ConnectFuture<'_> {
        Box::pin(async {
            match self.0.connect_parts().await {
                Ok((client, connection)) => Ok((client, drive(connection))),
                Err(error) => Err(driver_error(error).await),
            }
        })
    }
}

/// The error as the cause of one of the driver's, which the trait asks for and which only the driver
/// can make: here from a handshake that fails, on a stream that nothing is written to.
async fn driver_error(error: Error) -> tokio_postgres::Error {
    let mut config = Config::new();
    config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    let connected = config.connect_raw(tokio::io::empty(), FailingHandshake(error)).await;
    #[expect(clippy::expect_used, reason = "without a handshake there is no connection")]
    connected.err().expect("a failed handshake")
}

struct FailingHandshake(Error);

impl TlsConnect<Empty> for FailingHandshake {
    type Stream = NoTlsStream;
    type Error = Error;
    type Future = std::future::Ready<Result<NoTlsStream, Error>>;

    fn connect(self, _: Empty) -> Self::Future {
        std::future::ready(Err(self.0))
    }
}
