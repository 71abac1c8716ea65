//! For programs without async code (features `blocking` and `diesel`).
//!
//! A [`Connector`] opens sessions of a blocking driver, by the rules of the async one: settings, verified TLS, token
//! cache, retries, deadline, one newer token, errors.
//!
//! | driver | feature | one connection | a pool |
//! |---|---|---|---|
//! | [`postgres`](https://docs.rs/postgres) 0.19 | `blocking` | [`Connector::connect`] | [`ConnectionManager`] for r2d2 |
//! | [diesel](https://docs.rs/diesel)'s `PgConnection` | `diesel` | [`diesel::connect`] | [`diesel::ConnectionManager`] for r2d2 |
//! | any other on libpq | either | [`Connector::libpq_variables`], [`conninfo`](crate::LibpqVariables::conninfo) | |
//!
#![cfg_attr(
    feature = "blocking",
    doc = r#"
```no_run
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connector = postgres_entra::blocking::Connector::from_env()?;
    let mut client = connector.connect()?;
    let row = client.query_one("SELECT current_user::text", &[])?;
    println!("logged in as {}", row.get::<_, &str>(0));
    Ok(())
}
```
"#
)]
//!
//! # Threads and runtimes
//!
//! Token requests and logins run on threads of the connector's own, which start with the first connect and end when
//! its last clone is dropped; the calling thread waits. So connecting works on any thread: a plain one, inside
//! `spawn_blocking` or `block_in_place`, and even in an async task, whose thread it then holds up.
//!
//! What comes after is the driver's. `postgres` runs a runtime of its own in each client: a query, and dropping
//! the client too, panics in an async task, and works in `spawn_blocking` and `block_in_place`. diesel blocks
//! wherever it is called. Neither limits a query.

#[cfg(feature = "blocking")]
mod client;
mod connector;
#[cfg(feature = "diesel")]
#[cfg_attr(docsrs, doc(cfg(feature = "diesel")))]
pub mod diesel;
#[cfg(feature = "diesel")]
mod libpq_answer;
#[cfg(feature = "blocking")]
mod manager;
mod threads;
#[cfg(feature = "blocking")]
mod timed_tls;

#[cfg(feature = "blocking")]
pub use client::connect;
pub use connector::Connector;
#[cfg(feature = "blocking")]
pub use manager::{ConnectionManager, PooledClient};

pub use crate::error_log::ErrorLog;
