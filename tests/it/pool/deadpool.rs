//! deadpool-postgres across the lives of tokens, on a real server.
use std::{error::Error as _, time::Duration};

use crate::support::{
    chain, eventually,
    pool_story::{self, TestPool},
    shared_azure, vars_with_wrong_secret,
};
use deadpool_postgres::{Client, Pool, PoolError, TimeoutType};
use postgres_entra::{
    Connector, Error, TokenErrorKind,
    emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform},
    pool::{self, entra_error},
};

/// A type of its own, since the pool's `close` and the story's are two.
#[derive(Clone)]
pub(super) struct Deadpool(Pool);

impl TestPool for Deadpool {
    type Connection = Client;

    async fn open(connector: &Connector, size: usize, limit: Duration) -> Self {
        let builder = pool::deadpool::builder(connector)
            .max_size(size)
            .wait_timeout(Some(limit))
            .create_timeout(Some(limit));
        Self(builder.build().unwrap())
    }

    async fn checkout(&self) -> Result<Client, String> {
        self.0.get().await.map_err(|error| chain(&error))
    }

    async fn value_of(client: &mut Client, expression: &str) -> Result<i64, String> {
        let row = client.query_one(&format!("SELECT ({expression})::bigint"), &[]).await;
        row.map(|row| row.get(0)).map_err(|error| chain(&error))
    }

    async fn close(self) {
        self.0.close();
    }
}

#[tokio::test]
async fn it_outlives_its_first_token() {
    pool_story::outlives_its_first_token::<Deadpool>().await;
}

#[tokio::test]
async fn it_refills_while_the_identity_service_is_down() {
    pool_story::refills_while_the_identity_service_is_down::<Deadpool>().await;
}

#[tokio::test]
async fn it_forces_one_fetch_for_a_rejected_token() {
    pool_story::forces_one_fetch_for_a_rejected_token::<Deadpool>().await;
}

#[tokio::test]
async fn it_names_a_wrong_role() {
    pool_story::names_a_wrong_role::<Deadpool>().await;
}

#[tokio::test]
async fn it_leaves_sessions_that_hang() {
    pool_story::leaves_sessions_that_hang::<Deadpool>().await;
}

#[tokio::test]
async fn it_leaves_nothing_when_closed() {
    pool_story::leaves_nothing_when_closed::<Deadpool>().await;
}

#[tokio::test]
async fn it_fetches_one_token_for_two_hundred_checkouts() {
    pool_story::fetches_one_token_for_two_hundred_checkouts::<Deadpool>().await;
}

/// The error with which this connector's pool fails.
async fn failure(connector: &Connector) -> PoolError {
    let pool = pool::deadpool::builder(connector).build().unwrap();
    pool.get().await.expect_err("a failed checkout")
}

#[tokio::test]
async fn an_error_keeps_its_type_on_the_way_through_the_driver_and_the_pool() {
    let connector = Connector::from_vars(vars_with_wrong_secret(shared_azure())).unwrap();
    let failure = failure(&connector).await;
    let Some(Error::Token(error)) = entra_error(&failure) else { panic!("{}", chain(&failure)) };
    assert_eq!(error.kind(), TokenErrorKind::Denied);

    let PoolError::Backend(driver_error) = &failure else { panic!("{}", chain(&failure)) };
    let cause = driver_error.source().expect("a cause");
    assert!(cause.is::<Error>(), "{}", chain(cause));
}

#[tokio::test]
async fn an_error_of_the_pool_itself_is_none_of_this_crates() {
    let vars = shared_azure().vars(Login::ServicePrincipal, ClientType::Python);
    let connector = Connector::from_vars(vars).unwrap();
    let pool = pool::deadpool::builder(&connector).build().unwrap();
    pool.close();
    let closed = pool.get().await.unwrap_err();
    assert!(entra_error(&closed).is_none());
}

#[tokio::test]
async fn a_create_timeout_is_kept_and_the_token_request_goes_on() {
    let azure = LocalAzure::start().await.unwrap();
    let identity_service = azure.identity_service();
    identity_service.set_fault(Some(IdentityFault::Delay(Duration::from_millis(500))));
    let vars = azure.vars(Login::SystemAssigned(Platform::AppService), ClientType::Python);
    let connector = Connector::from_vars(vars).unwrap();
    let builder = pool::deadpool::builder(&connector).max_size(1);
    let hasty = builder.create_timeout(Some(Duration::from_millis(50))).build().unwrap();
    let error = hasty.get().await.unwrap_err();
    assert!(matches!(error, PoolError::Timeout(TimeoutType::Create)), "{error}");

    let tokens = connector.token_cache().unwrap();
    eventually("the token comes", async || tokens.stats().token_age.is_some()).await;
    let patient = pool::deadpool::builder(&connector).build().unwrap();
    let _client = patient.get().await.unwrap();
    assert_eq!(identity_service.request_count(), 1);
}

#[tokio::test]
async fn a_wait_timeout_is_kept() {
    let vars = shared_azure().vars(Login::ServicePrincipal, ClientType::Python);
    let connector = Connector::from_vars(vars).unwrap();
    let builder = pool::deadpool::builder(&connector).max_size(1);
    let pool = builder.wait_timeout(Some(Duration::from_millis(50))).build().unwrap();
    let _held = pool.get().await.unwrap();
    let error = pool.get().await.unwrap_err();
    assert!(matches!(error, PoolError::Timeout(TimeoutType::Wait)), "{error}");
}
