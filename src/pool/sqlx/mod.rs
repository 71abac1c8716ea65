//! sqlx 0.9 (feature `sqlx`), and sea-orm 2 on top of it.
//!
//! ```no_run
//! use postgres_entra::{Connector, pool::sqlx::{EntraPgPool, pool_options}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::from_env()?;
//! let pool = EntraPgPool::open(&connector, pool_options().max_connections(16)).await?;
//!
//! let (user,): (String,) = sqlx::query_as("SELECT current_user::text").fetch_one(&*pool).await?;
//! # Ok(())
//! # }
//! ```
//!
//! sqlx has no hook that could ask for a token when it opens a connection
//! ([sqlx #3117](https://github.com/transact-rs/sqlx/issues/3117)): a pool logs in with the password that
//! its options hold at the time. So an [`EntraPgPool`] has a task that puts each new token there, at half
//! of the life of the one before ([`TokenCache::keep_fresh`](crate::TokenCache::keep_fresh)).
//!
//! # What sqlx can't do
//!
//! - A login that the server refuses is not tried again with a new token: the caller gets sqlx's error, and
//!   so does the next one. [`TokenCache::invalidate`](crate::TokenCache::invalidate) with the token that
//!   was in use has it renewed at once, for this pool too.
//! - While the identity service has been down for longer than what was left of the last token, each new
//!   connection is refused by the server (`28000`), and no error tells of the identity service: that is in
//!   the [log and the stats](crate::TokenCache#events) of the token cache.
//! - A connection that breaks while it is made is an error for the caller at once. It tries again, until the
//!   `acquire_timeout`, only where one is refused, and where the server starts or has no session left.
//!   A connect that hangs is waited for until then.
//! - It verifies that the certificate is for what it dials, so it can't dial `hostaddr` and verify `host`.
//!   An address on loopback is dialled and verified in place of the name: a local Azure has a certificate
//!   for it. With any other address, [`open`](EntraPgPool::open) fails.
//! - More than one host, `target_session_attrs`, `sslnegotiation=direct` and `channel_binding=require` make
//!   `open` fail too. `connect_timeout`, `tcp_user_timeout` and keepalives have no effect; sqlx's
//!   [`acquire_timeout`](::sqlx::pool::PoolOptions::acquire_timeout) limits a connect as a whole.
//! - Its TLS library is native-tls where both are compiled in, whatever
//!   [`tls_backend`](crate::ConnectorBuilder::tls_backend) says. With native-tls it reads the first
//!   certificate of `sslrootcert` only, and loads the system's for each connection: around 100 ms. With
//!   rustls it trusts Mozilla's authorities and those in `sslrootcert`, or if that is not set, on systems that
//!   keep them in one file, the system's.
//! - It reads `PGOPTIONS`, `PGSSLCERT` and `PGSSLKEY`, and `PGSSLROOTCERT` where neither the settings have an
//!   `sslrootcert` nor the system a file with its certificate authorities, from the process environment, also
//!   for a connector that got its variables elsewhere.
//!
//! **`PgConnectOptions` shows the token** in `Debug` and in `to_url_lossy`: never print what
//! [`connect_options`](::sqlx::Pool::connect_options) returns. The pool's own `Debug` has no secret.
//!
//! # sea-orm
//!
//! sea-orm 2 takes the pool, as in the example `sea_orm`. Keep the [`EntraPgPool`] for as long as the
//! connection is in use:
//!
//! ```no_run
//! # use postgres_entra::pool::sqlx::EntraPgPool;
//! # use sqlx::PgPool;
//! # fn example(pool: EntraPgPool) {
//! let db = sea_orm::SqlxPostgresConnector::from_sqlx_postgres_pool(PgPool::clone(&pool));
//! # drop((db, pool));
//! # }
//! ```
//!
//! # sqlx 0.8
//!
//! The same can be done by hand for sqlx 0.8 and sea-orm 1, whose pools have `set_connect_options` as well:
//! warm the token cache up, build the pool from options with `PgSslMode::VerifyFull` and the token as the
//! password, and keep the guard of
//!
//! ```text
//! cache.keep_fresh(move |token| {
//!     let options = PgConnectOptions::clone(&pool.connect_options());
//!     pool.set_connect_options(options.password(token.secret()));
//! })
//! ```

mod options;

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use ::sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{task::AbortHandle, time::timeout};

use super::CHECK_LIMIT;
use crate::{cache::TokenCache, connector::Connector, error::Error, secret::Secret};

/// A [`PgPool`] whose password is the current token.
///
/// Dereferences to the pool: `&*pool` is what queries take. Clones share it. The token is renewed until
/// the pool is [closed](::sqlx::Pool::close) or the last clone of this is dropped; a `PgPool` that is left
/// then can open connections until its last token expires.
#[derive(Clone, Debug)]
#[must_use = "the pool's token is renewed only while this lives"]
pub struct EntraPgPool {
    pool: PgPool,
    #[expect(dead_code, reason = "held for what its drop does")]
    renewal: Option<Arc<Renewal>>,
}

impl EntraPgPool {
    /// A pool with these options, to where this connector connects. Must be called inside a tokio runtime.
    ///
    /// Does not connect: it waits for the first token alone. A connection is made when one is asked for, so
    /// a wrong host or role comes from the pool, as sqlx's own error. Call
    /// [`acquire`](::sqlx::Pool::acquire) once at the start if that is to be noticed there. To change options that the settings don't have, such as the
    /// size of the statement cache, change a copy of the pool's `connect_options` and set it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: a token request that was under way goes on for the next caller.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a setting that sqlx can't follow, or if neither settings nor token name the
    /// user; [`Error::Token`] if there is no token, [`Error::Timeout`] if there is none at the
    /// connector's deadline.
    pub async fn open(connector: &Connector, options: PgPoolOptions) -> Result<Self, Error> {
        let (user, password) = connector.user_and_password().await?;
        let connect_options = options::connect_options(connector.settings(), &user)?;
        let pool = options.connect_lazy_with(connect_options.password(password.expose()));
        let renewal = connector.token_cache().map(|it| Arc::new(Renewal::of(&pool, it, password)));
        Ok(Self { pool, renewal })
    }
}

/// sqlx's defaults, with checks of each connection that a server which hangs can't hold up.
///
/// sqlx asks the server whether a connection still works before it hands it out and when it is given back.
/// The former has no limit but the `acquire_timeout`, at which the caller gets an error, the latter none at
/// all. With these options both give the connection up after 5 s, and the caller gets another. They
/// take the place of the hooks [`before_acquire`](::sqlx::pool::PoolOptions::before_acquire) and
/// [`after_release`](::sqlx::pool::PoolOptions::after_release): one of your own replaces the check.
pub fn pool_options() -> PgPoolOptions {
    PgPoolOptions::new()
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(check(connection)))
        .after_release(|connection, _| Box::pin(check(connection)))
}

async fn check(connection: &mut PgConnection) -> Result<bool, ::sqlx::Error> {
    let answer = timeout(CHECK_LIMIT, connection.ping()).await;
    answer.map_err(|elapsed| ::sqlx::Error::Io(elapsed.into()))?.map(|()| true)
}

impl Deref for EntraPgPool {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.pool
    }
}

/// Gives a pool each new token, until the pool is closed or this is dropped.
#[derive(Debug)]
struct Renewal(AbortHandle);

impl Renewal {
    /// For a pool that already has the first password.
    fn of(pool: &PgPool, tokens: &TokenCache, first: Secret) -> Self {
        let closed = pool.close_event();
        let pool = pool.clone();
        let first = Mutex::new(Some(first));
        let guard = tokens.keep_fresh(move |token| {
            // Setting it again could undo what the application sets just after it has opened the pool.
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            if first.is_some_and(|first| first.expose() == token.secret()) {
                return;
            }
            let options = PgConnectOptions::clone(&pool.connect_options());
            pool.set_connect_options(options.password(token.secret()));
        });
        let task = tokio::spawn(async move {
            closed.await;
            drop(guard);
        });
        Self(task.abort_handle())
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}
