//! The pools, with this crate's adapters.

use diesel_async::{AsyncPgConnection, pooled_connection};
use postgres_entra::{
    Connector, blocking,
    pool::{self, sqlx::EntraPgPool},
    proxy::Proxy,
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio_postgres::{Client, Config, NoTls};

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

pub(crate) fn r2d2(connector: &Connector) -> ::r2d2::Pool<blocking::ConnectionManager> {
    r2d2_of(blocking::ConnectionManager::new(&blocking::Connector::new(connector)))
}

/// In place of a pool: each demand opens a connection.
#[derive(Clone)]
pub(crate) struct ThroughProxy(Config);

impl ThroughProxy {
    pub(crate) fn new(proxy: &Proxy) -> Self {
        let mut config = Config::new();
        config.host_path(proxy.socket_folder().expect("a socket")).user("anyone");
        Self(config)
    }
}

pub(crate) fn r2d2_of<M: ::r2d2::ManageConnection>(manager: M) -> ::r2d2::Pool<M> {
    ::r2d2::Pool::builder().max_size(SIZE as u32).min_idle(Some(0)).build_unchecked(manager)
}

pub(crate) fn bb8_of<M: ::bb8::ManageConnection>(manager: M) -> ::bb8::Pool<M> {
    ::bb8::Pool::builder().max_size(SIZE as u32).build_unchecked(manager)
}

pub(crate) fn sqlx_options() -> PgPoolOptions {
    PgPoolOptions::new().max_connections(SIZE as u32)
}

impl Pool for ThroughProxy {
    type Connection = Client;

    async fn take(&self) -> Client {
        let (client, connection) = self.0.connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }
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
