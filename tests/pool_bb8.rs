//! bb8 across the lives of tokens, on a real server.
#![cfg(all(feature = "emulator", feature = "bb8"))]

mod common;

use std::time::Duration;

use bb8::{ErrorSink, Pool, PooledConnection};
use common::{
    chain,
    pool_story::{self, TestPool},
};
use postgres_entra::{
    Connector,
    pool::bb8::{ConnectionManager, ErrorLog},
};

#[derive(Clone)]
struct Bb8 {
    pool: Pool<ConnectionManager>,
    errors: ErrorLog,
}

impl TestPool for Bb8 {
    type Connection = PooledConnection<'static, ConnectionManager>;

    async fn open(connector: &Connector, size: usize, limit: Duration) -> Self {
        let manager = ConnectionManager::new(connector);
        let errors = manager.error_log();
        let pool = Pool::builder()
            .max_size(u32::try_from(size).unwrap())
            .connection_timeout(limit)
            .error_sink(errors.boxed_clone())
            // How soon the pool's own task notices that the pool is gone.
            .reaper_rate(Duration::from_millis(100))
            .build_unchecked(manager);
        Self { pool, errors }
    }

    async fn checkout(&self) -> Result<Self::Connection, String> {
        self.pool.get_owned().await.map_err(|error| match self.errors.last_error() {
            Some(cause) => format!("{error}: {}", chain(&*cause)),
            None => error.to_string(),
        })
    }

    async fn backend_pid(client: &mut Self::Connection) -> Result<i32, String> {
        let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
        row.map(|row| row.get(0)).map_err(|error| chain(&error))
    }

    /// bb8 has no other way.
    async fn close(self) {
        drop(self);
    }
}

#[tokio::test]
async fn it_outlives_its_first_token() {
    pool_story::outlives_its_first_token::<Bb8>().await;
}

#[tokio::test]
async fn it_refills_while_the_identity_service_is_down() {
    pool_story::refills_while_the_identity_service_is_down::<Bb8>().await;
}

#[tokio::test]
async fn it_forces_one_fetch_for_a_rejected_token() {
    pool_story::forces_one_fetch_for_a_rejected_token::<Bb8>().await;
}

#[tokio::test]
async fn it_names_a_wrong_role() {
    pool_story::names_a_wrong_role::<Bb8>().await;
}

#[tokio::test]
async fn it_leaves_nothing_when_closed() {
    pool_story::leaves_nothing_when_closed::<Bb8>().await;
}

#[tokio::test]
async fn it_fetches_one_token_for_two_hundred_checkouts() {
    pool_story::fetches_one_token_for_two_hundred_checkouts::<Bb8>().await;
}
