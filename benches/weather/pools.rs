//! The pools of async code, with this crate's adapters.

use std::time::Duration;

use deadpool_postgres as deadpool;
use diesel_async::{AsyncPgConnection, RunQueryDsl, pooled_connection::deadpool as diesel};
use postgres_entra::{
    Connector,
    pool::{self, bb8::ErrorLog, sqlx::EntraPgPool},
};
use sqlx::{Postgres, pool::PoolConnection};
use tokio::time::timeout;

/// How many connections a pool has, and how many workers.
pub const SIZE: usize = 4;

/// How long a checkout may take, and the connector's deadline, which is a little shorter as the guide asks for.
pub const CHECKOUT_LIMIT: Duration = Duration::from_secs(30);
pub const DEADLINE: Duration = Duration::from_secs(29);

/// How long a connection may live, in the pools that limit it: so short that it ends many times in a run.
pub const LIFE: Duration = Duration::from_secs(90);

/// What the workers need of a pool.
pub trait Pool: Clone + Send + Sync + 'static {
    /// A connection that is checked out. Dropping it gives it back.
    type Connection: Send;

    const NAME: &'static str;

    fn take(&self) -> impl Future<Output = Result<Self::Connection, String>> + Send;

    fn query(
        connection: &mut Self::Connection,
        sql: &'static str,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

pub fn deadpool(connector: &Connector) -> deadpool::Pool {
    let builder = pool::deadpool::builder(connector).max_size(SIZE);
    let builder = builder.wait_timeout(Some(CHECKOUT_LIMIT)).create_timeout(Some(CHECKOUT_LIMIT));
    builder.build().expect("a pool")
}

impl Pool for deadpool::Pool {
    type Connection = deadpool::Client;

    const NAME: &'static str = "deadpool";

    async fn take(&self) -> Result<Self::Connection, String> {
        self.get().await.map_err(|error| chain(&error))
    }

    async fn query(client: &mut Self::Connection, sql: &'static str) -> Result<(), String> {
        client.batch_execute(sql).await.map_err(|error| chain(&error))
    }
}

#[derive(Clone)]
pub struct Bb8 {
    pool: bb8::Pool<pool::bb8::ConnectionManager>,
    errors: ErrorLog,
}

pub fn bb8(connector: &Connector) -> Bb8 {
    let manager = pool::bb8::ConnectionManager::new(connector);
    let errors = manager.error_log();
    let builder = bb8::Pool::builder().max_size(SIZE as u32).connection_timeout(CHECKOUT_LIMIT);
    let builder = builder.max_lifetime(Some(LIFE)).idle_timeout(Some(LIFE / 2));
    let pool = builder.error_sink(Box::new(errors.clone())).build_unchecked(manager);
    Bb8 { pool, errors }
}

impl Pool for Bb8 {
    type Connection = bb8::PooledConnection<'static, pool::bb8::ConnectionManager>;

    const NAME: &'static str = "bb8";

    async fn take(&self) -> Result<Self::Connection, String> {
        self.pool.get_owned().await.map_err(|error| match self.errors.last_error() {
            Some(cause) => format!("{error}: {}", chain(&*cause)),
            None => error.to_string(),
        })
    }

    async fn query(client: &mut Self::Connection, sql: &'static str) -> Result<(), String> {
        client.batch_execute(sql).await.map_err(|error| chain(&error))
    }
}

pub type Diesel = diesel::Pool<AsyncPgConnection>;

pub fn diesel(connector: &Connector) -> Diesel {
    let manager = pool::diesel_async::manager(connector);
    diesel::Pool::builder(manager).max_size(SIZE).build().expect("a pool")
}

impl Pool for Diesel {
    type Connection = diesel::Object<AsyncPgConnection>;

    const NAME: &'static str = "diesel-async";

    async fn take(&self) -> Result<Self::Connection, String> {
        let taken = timeout(CHECKOUT_LIMIT, self.get()).await.map_err(|elapsed| chain(&elapsed))?;
        taken.map_err(|error| chain(&error))
    }

    async fn query(client: &mut Self::Connection, sql: &'static str) -> Result<(), String> {
        let query = ::diesel::sql_query(sql).execute(client);
        query.await.map(drop).map_err(|error| chain(&error))
    }
}

pub async fn sqlx(connector: &Connector) -> EntraPgPool {
    let options = pool::sqlx::pool_options().max_connections(SIZE as u32);
    let options = options.max_lifetime(LIFE).idle_timeout(LIFE / 2).acquire_timeout(CHECKOUT_LIMIT);
    EntraPgPool::open(connector, options).await.expect("the first token")
}

impl Pool for EntraPgPool {
    type Connection = PoolConnection<Postgres>;

    const NAME: &'static str = "sqlx";

    async fn take(&self) -> Result<Self::Connection, String> {
        self.acquire().await.map_err(|error| chain(&error))
    }

    async fn query(connection: &mut Self::Connection, sql: &'static str) -> Result<(), String> {
        let query = sqlx::query(sql).execute(&mut **connection);
        query.await.map(drop).map_err(|error| chain(&error))
    }
}

/// An error with its causes.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
