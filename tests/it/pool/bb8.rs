//! bb8 across the lives of tokens, on a real server.
use std::time::Duration;

use crate::support::{
    chain, eventually,
    pool_story::{self, TestPool},
    shared_azure, vars_with_wrong_secret,
};
use bb8::{Pool, PooledConnection, RunError};
use postgres_entra::{
    Connector, Environment, Error, TokenErrorKind,
    emulator::{ClientType, LocalAzure, Login, ServerFault},
    pool::bb8::{ConnectionManager, ErrorLog},
};

#[derive(Clone)]
pub(super) struct Bb8 {
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
            .error_sink(Box::new(errors.clone()))
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

    async fn value_of(client: &mut Self::Connection, expression: &str) -> Result<i64, String> {
        let row = client.query_one(&format!("SELECT ({expression})::bigint"), &[]).await;
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
async fn it_leaves_sessions_that_hang() {
    pool_story::leaves_sessions_that_hang::<Bb8>().await;
}

#[tokio::test]
async fn it_leaves_nothing_when_closed() {
    pool_story::leaves_nothing_when_closed::<Bb8>().await;
}

#[tokio::test]
async fn it_fetches_one_token_for_two_hundred_checkouts() {
    pool_story::fetches_one_token_for_two_hundred_checkouts::<Bb8>().await;
}

#[tokio::test]
async fn the_cause_of_a_time_out_can_be_read_until_a_connection_is_made() {
    let azure = LocalAzure::start().await.unwrap();
    azure.server().set_fault(Some(ServerFault::Silent));
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    let connector = Connector::builder()
        .environment(Environment::from_vars(vars))
        .deadline(Duration::from_millis(500))
        .build()
        .unwrap();
    let Bb8 { pool, errors } = Bb8::open(&connector, 1, Duration::from_secs(1)).await;
    assert!(errors.last_error().is_none());
    assert!(matches!(pool.get().await, Err(RunError::TimedOut)));
    let error = errors.last_error().expect("a cause");
    assert!(matches!(*error, Error::Timeout { .. }), "{error}");

    azure.server().set_fault(None);
    // bb8 pauses between its tries.
    eventually("a checkout succeeds", async || pool.get().await.is_ok()).await;
    assert!(errors.last_error().is_none());
}

#[tokio::test]
async fn a_dedicated_connection_gets_the_error_itself() {
    let connector = Connector::from_vars(vars_with_wrong_secret(shared_azure())).unwrap();
    let Bb8 { pool, .. } = Bb8::open(&connector, 1, Duration::from_secs(1)).await;
    let error = pool.dedicated_connection().await.unwrap_err();
    let Error::Token(error) = &error else { panic!("{}", chain(&error)) };
    assert_eq!(error.kind(), TokenErrorKind::Denied);
}
