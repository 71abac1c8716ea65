//! diesel-async across the lives of tokens, on a real server.
use std::time::Duration;

use crate::support::{
    pool_story::{self, TestPool},
    shared_azure,
};
use diesel::{ConnectionError, dsl::sql, sql_types::BigInt};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    pooled_connection::{
        PoolError as DieselError,
        deadpool::{Object, Pool, PoolError},
    },
};
use postgres_entra::{
    Connector, Error, Settings,
    emulator::{ClientType, Login},
    pool,
};

pub(super) type DieselPool = Pool<AsyncPgConnection>;

impl TestPool for DieselPool {
    type Connection = Object<AsyncPgConnection>;

    /// The limit is the connector's: for time-outs of its own, the pool needs deadpool's runtime.
    async fn open(connector: &Connector, size: usize, _: Duration) -> Self {
        Pool::builder(pool::diesel_async::manager(connector)).max_size(size).build().unwrap()
    }

    async fn checkout(&self) -> Result<Self::Connection, String> {
        self.get().await.map_err(|error| error.to_string())
    }

    async fn value_of(connection: &mut Self::Connection, expression: &str) -> Result<i64, String> {
        let value = diesel::select(sql::<BigInt>(&format!("({expression})::bigint")));
        value.get_result(connection).await.map_err(|error| error.to_string())
    }

    async fn close(self) {
        Pool::close(&self);
    }
}

#[tokio::test]
async fn it_outlives_its_first_token() {
    pool_story::outlives_its_first_token::<DieselPool>().await;
}

#[tokio::test]
async fn it_refills_while_the_identity_service_is_down() {
    pool_story::refills_while_the_identity_service_is_down::<DieselPool>().await;
}

#[tokio::test]
async fn it_forces_one_fetch_for_a_rejected_token() {
    pool_story::forces_one_fetch_for_a_rejected_token::<DieselPool>().await;
}

#[tokio::test]
async fn it_names_a_wrong_role() {
    pool_story::names_a_wrong_role::<DieselPool>().await;
}

#[tokio::test]
async fn it_leaves_sessions_that_hang() {
    pool_story::leaves_sessions_that_hang::<DieselPool>().await;
}

#[tokio::test]
async fn it_leaves_nothing_when_closed() {
    pool_story::leaves_nothing_when_closed::<DieselPool>().await;
}

#[tokio::test]
async fn it_fetches_one_token_for_two_hundred_checkouts() {
    pool_story::fetches_one_token_for_two_hundred_checkouts::<DieselPool>().await;
}

/// A connector to a database that does not exist.
fn misled_connector() -> Connector {
    let vars = shared_azure().vars(Login::ServicePrincipal, ClientType::Python);
    let settings = Settings::from_vars(vars.clone()).unwrap().with_database("absent");
    let tokens = Connector::from_vars(vars).unwrap().token_cache().unwrap().clone();
    Connector::builder().settings(settings).token_cache(tokens).build().unwrap()
}

#[tokio::test]
async fn a_single_connection_fails_with_a_typed_error() {
    let error = pool::diesel_async::connect(&misled_connector()).await.err();
    let Some(Error::Rejected(rejection)) = error else { panic!("{error:?}") };
    assert_eq!(rejection.sqlstate(), "3D000");
}

#[tokio::test]
async fn a_pool_fails_with_a_bad_connection_that_says_why() {
    let manager = pool::diesel_async::manager(&misled_connector());
    let pool = Pool::<AsyncPgConnection>::builder(manager).build().unwrap();
    let error = pool.get().await.err();
    let Some(PoolError::Backend(DieselError::ConnectionError(ConnectionError::BadConnection(
        text,
    )))) = error
    else {
        panic!("{error:?}")
    };
    assert!(text.contains("\"absent\"") && text.contains("check the database name"), "{text}");
}
