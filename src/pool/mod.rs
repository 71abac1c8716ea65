//! Connection pools: each new connection logs in with a token that is valid at that time.
//!
//! A server checks a token at login and, as users report (Azure does not document it), never again: so
//! sessions outlive their token, and a pool needs a valid one only when it opens a connection. The adapters see to that, and to nothing else: how many
//! connections there are and for how long is the pool's business, and the retries and the deadline of
//! one connect are the [`Connector`]'s.
//!
//! | pool | feature | what it takes | where this crate's errors are |
//! |---|---|---|---|
//! | [deadpool-postgres](https://docs.rs/deadpool-postgres) | `deadpool` | `pool::deadpool::builder` or `manager` | among the causes of the pool's: [`entra_error`] |
//! | [bb8](https://docs.rs/bb8) | `bb8` | `pool::bb8::ConnectionManager` | in its `ErrorLog`: bb8 shows none |
//! | [diesel-async](https://docs.rs/diesel-async) | `diesel-async` | `pool::diesel_async::manager` | in words in diesel's: it keeps no more |
//! | [sqlx](https://docs.rs/sqlx), [sea-orm](https://docs.rs/sea-orm) | `sqlx` | `pool::sqlx::EntraPgPool` | when it is opened; later ones are sqlx's own |
//!
//! Pools of blocking code (r2d2) are in the module `blocking`.
//!
//! sqlx is the exception: it connects by itself, with a token that is kept fresh for it.
//!
//! Any other pool of tokio-postgres clients calls [`Connector::connect`](crate::Connector::connect) where
//! it makes a connection, or [`connect_parts`](crate::Connector::connect_parts) if it drives them itself.
//! The example `generic_pool` is a recipe.
//!
//! Give the pools of one identity connectors that share a [`TokenCache`](crate::TokenCache), and let a
//! connector's [`deadline`](crate::ConnectorBuilder::deadline) be shorter than what the pool waits for a
//! connection: then it is the connector that gives up first, and its error says what it was waiting for.
//! (Not with sqlx, whose connects know no connector's deadline.)

#[cfg(feature = "bb8")]
#[cfg_attr(docsrs, doc(cfg(feature = "bb8")))]
pub mod bb8;
#[cfg(feature = "deadpool")]
#[cfg_attr(docsrs, doc(cfg(feature = "deadpool")))]
pub mod deadpool;
#[cfg(feature = "diesel-async")]
#[cfg_attr(docsrs, doc(cfg(feature = "diesel-async")))]
pub mod diesel_async;
#[cfg(feature = "sqlx")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx")))]
pub mod sqlx;

use std::error::Error as StdError;
use std::time::Duration;

#[cfg(any(feature = "bb8", feature = "deadpool", feature = "diesel-async"))]
use crate::connector::Connector;
use crate::error::{Error, cause};

/// How long a pool waits for a server's answer before it gives a connection up. The answer takes one round
/// trip; a server that stalls for longer under load would only get more to do by new logins.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// The same for connections of this connector, whose own limit may be shorter.
#[cfg(any(feature = "bb8", feature = "deadpool", feature = "diesel-async"))]
fn check_limit(connector: &Connector) -> Duration {
    connector.deadline().min(CHECK_LIMIT)
}

/// This crate's error in the chain of causes of what a pool returned.
///
/// `None` if the pool failed for another reason, such as its own time-out.
///
/// ```
/// # fn report(pool_error: &(dyn std::error::Error + 'static)) {
/// if let Some(postgres_entra::Error::Rejected(rejection)) = postgres_entra::pool::entra_error(pool_error) {
///     println!("{} may not log in: {}", rejection.user(), rejection.hint());
/// }
/// # }
/// ```
pub fn entra_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    cause::find(error)
}
