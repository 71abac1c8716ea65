//! deadpool-postgres across the lives of tokens, on a real server.
#![cfg(all(feature = "emulator", feature = "deadpool"))]

mod common;

use std::time::Duration;

use common::{
    chain,
    pool_story::{self, TestPool},
};
use deadpool_postgres::{Client, ManagerConfig, Pool, RecyclingMethod, Runtime};
use postgres_entra::{Connector, pool};

impl TestPool for Pool {
    type Connection = Client;

    async fn open(connector: &Connector, size: usize, limit: Duration) -> Self {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        Pool::builder(pool::deadpool::manager(connector, config))
            .runtime(Runtime::Tokio1)
            .max_size(size)
            .wait_timeout(Some(limit))
            .create_timeout(Some(limit))
            .build()
            .unwrap()
    }

    async fn checkout(&self) -> Result<Client, String> {
        self.get().await.map_err(|error| chain(&error))
    }

    async fn backend_pid(client: &mut Client) -> Result<i32, String> {
        let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
        row.map(|row| row.get(0)).map_err(|error| chain(&error))
    }

    async fn close(self) {
        Pool::close(&self);
    }
}

#[tokio::test]
async fn it_outlives_its_first_token() {
    pool_story::outlives_its_first_token::<Pool>().await;
}

#[tokio::test]
async fn it_refills_while_the_identity_service_is_down() {
    pool_story::refills_while_the_identity_service_is_down::<Pool>().await;
}

#[tokio::test]
async fn it_forces_one_fetch_for_a_rejected_token() {
    pool_story::forces_one_fetch_for_a_rejected_token::<Pool>().await;
}

#[tokio::test]
async fn it_names_a_wrong_role() {
    pool_story::names_a_wrong_role::<Pool>().await;
}

#[tokio::test]
async fn it_leaves_nothing_when_closed() {
    pool_story::leaves_nothing_when_closed::<Pool>().await;
}

#[tokio::test]
async fn it_fetches_one_token_for_two_hundred_checkouts() {
    pool_story::fetches_one_token_for_two_hundred_checkouts::<Pool>().await;
}
