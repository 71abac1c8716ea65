//! The pools, with this crate's adapters.

use diesel_async::{AsyncPgConnection, pooled_connection};
use postgres_entra::{
    Connector,
    pool::{self, sqlx::EntraPgPool},
};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// How many connections a pool has, and how many are asked for at once.
pub(crate) const SIZE: usize = 16;

/// A pool that opens its connections when they are asked for.
pub(crate) trait Pool: Clone + Send + Sync + 'static {
    type Connection: Send + 'static;

    fn take(&self) -> impl Future<Output = Self::Connection> + Send;
}

pub(crate) async fn deadpool(connector: &Connector) -> deadpool_postgres::Pool {
    pool::deadpool::builder(connector).max_size(SIZE).build().expect("a pool")
}

pub(crate) async fn bb8(connector: &Connector) -> ::bb8::Pool<pool::bb8::ConnectionManager> {
    bb8_of(pool::bb8::ConnectionManager::new(connector))
}

pub(crate) async fn diesel(
    connector: &Connector,
) -> pooled_connection::deadpool::Pool<AsyncPgConnection> {
    let manager = pool::diesel_async::manager(connector);
    pooled_connection::deadpool::Pool::builder(manager).max_size(SIZE).build().expect("a pool")
}

pub(crate) async fn sqlx(connector: &Connector) -> EntraPgPool {
    EntraPgPool::open(connector, sqlx_options()).await.expect("a pool")
}

pub(crate) fn bb8_of<M: ::bb8::ManageConnection>(manager: M) -> ::bb8::Pool<M> {
    ::bb8::Pool::builder().max_size(SIZE as u32).build_unchecked(manager)
}

pub(crate) fn sqlx_options() -> PgPoolOptions {
    PgPoolOptions::new().max_connections(SIZE as u32)
}

impl Pool for deadpool_postgres::Pool {
    type Connection = deadpool_postgres::Client;

    async fn take(&self) -> Self::Connection {
        self.get().await.expect("a connection")
    }
}

impl<M: ::bb8::ManageConnection> Pool for ::bb8::Pool<M> {
    type Connection = ::bb8::PooledConnection<'static, M>;

    async fn take(&self) -> Self::Connection {
        self.get_owned().await.expect("a connection")
    }
}

impl Pool for pooled_connection::deadpool::Pool<AsyncPgConnection> {
    type Connection = pooled_connection::deadpool::Object<AsyncPgConnection>;

    async fn take(&self) -> Self::Connection {
        self.get().await.expect("a connection")
    }
}

impl Pool for PgPool {
    type Connection = sqlx::pool::PoolConnection<sqlx::Postgres>;

    async fn take(&self) -> Self::Connection {
        self.acquire().await.expect("a connection")
    }
}

impl Pool for EntraPgPool {
    type Connection = sqlx::pool::PoolConnection<sqlx::Postgres>;

    async fn take(&self) -> Self::Connection {
        self.acquire().await.expect("a connection")
    }
}
