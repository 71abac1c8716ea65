//! sqlx across the lives of tokens, on a real server.
use std::time::Duration;

use crate::support::{
    chain, eventually,
    pool_story::{self, TestPool},
    shared_azure,
};
use postgres_entra::{
    Connector, Error, TokenCache, TokenErrorKind,
    emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform},
    pool::sqlx::{EntraPgPool, pool_options},
};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, error::DatabaseError, pool::PoolConnection,
    postgres::PgPoolOptions,
};

impl TestPool for EntraPgPool {
    type Connection = PoolConnection<Postgres>;

    async fn open(connector: &Connector, size: usize, limit: Duration) -> Self {
        // sqlx reports a refusal at once, but takes a tenth of a second of CPU for each connection.
        let limit = limit.max(Duration::from_secs(10));
        let options = pool_options().max_connections(size as u32).acquire_timeout(limit);
        Self::open(connector, options).await.unwrap()
    }

    async fn checkout(&self) -> Result<Self::Connection, String> {
        self.acquire().await.map_err(|error| chain(&error))
    }

    async fn value_of(connection: &mut Self::Connection, expression: &str) -> Result<i64, String> {
        let query = AssertSqlSafe(format!("SELECT ({expression})::bigint"));
        let value = sqlx::query_scalar(query).persistent(false).fetch_one(&mut **connection).await;
        value.map_err(|error| chain(&error))
    }

    async fn close(self) {
        PgPool::close(&self).await;
    }
}

#[tokio::test]
async fn it_outlives_its_first_token() {
    pool_story::outlives_its_first_token::<EntraPgPool>().await;
}

#[tokio::test]
async fn it_refills_while_the_identity_service_is_down() {
    pool_story::refills_while_the_identity_service_is_down::<EntraPgPool>().await;
}

#[tokio::test]
async fn it_names_a_wrong_role() {
    pool_story::names_a_wrong_role::<EntraPgPool>().await;
}

#[tokio::test]
async fn it_leaves_sessions_that_hang() {
    pool_story::leaves_sessions_that_hang::<EntraPgPool>().await;
}

#[tokio::test]
async fn it_leaves_nothing_when_closed() {
    pool_story::leaves_nothing_when_closed::<EntraPgPool>().await;
}

#[tokio::test]
async fn it_fetches_one_token_for_two_hundred_checkouts() {
    pool_story::fetches_one_token_for_two_hundred_checkouts::<EntraPgPool>().await;
}

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

fn connector(azure: &LocalAzure) -> Connector {
    Connector::from_vars(azure.vars(LOGIN, ClientType::Python)).unwrap()
}

fn tokens(connector: &Connector) -> &TokenCache {
    connector.token_cache().unwrap()
}

async fn pool_of_one(connector: &Connector) -> EntraPgPool {
    EntraPgPool::open(connector, PgPoolOptions::new().max_connections(1)).await.unwrap()
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[tokio::test]
async fn a_rejected_token_is_replaced_when_the_application_invalidates_it() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure);
    let pool = pool_of_one(&connector).await;
    azure.server().reject_tokens_issued_before_now();

    for _ in 0..2 {
        let error = pool.acquire().await.unwrap_err();
        let code = error.as_database_error().and_then(DatabaseError::code);
        assert_eq!(code.as_deref(), Some("28000"), "{}", chain(&error));
    }
    assert_eq!(azure.identity_service().request_count(), 1);

    let rejected = tokens(&connector).token().await.unwrap();
    tokens(&connector).invalidate(&rejected);
    eventually("the pool has the new token", async || pool.acquire().await.is_ok()).await;
    assert_eq!(azure.identity_service().request_count(), 2);
}

#[tokio::test]
async fn dropping_it_ends_the_renewal_though_a_plain_pool_is_left() {
    let before = alive_tasks();
    // Without limits to the life of connections, sqlx has no task of its own.
    let options = PgPoolOptions::new().max_lifetime(None).idle_timeout(None);
    let pool = EntraPgPool::open(&connector(shared_azure()), options).await.unwrap();
    let (clone, plain) = (pool.clone(), PgPool::clone(&pool));

    drop(pool);
    eventually("only the renewal is left", async || alive_tasks() == before + 2).await;
    drop(clone);
    eventually("no task is left", async || alive_tasks() == before).await;
    plain.acquire().await.unwrap();
}

#[tokio::test]
async fn closing_a_plain_handle_ends_the_renewal() {
    let before = alive_tasks();
    let pool = pool_of_one(&connector(shared_azure())).await;
    PgPool::clone(&pool).close().await;
    eventually("no task is left", async || alive_tasks() <= before).await;
}

#[tokio::test]
async fn opening_fails_with_the_error_of_the_identity_service() {
    let azure = LocalAzure::start().await.unwrap();
    azure.identity_service().set_fault(Some(IdentityFault::Status(400)));
    let error = EntraPgPool::open(&connector(&azure), PgPoolOptions::new()).await.unwrap_err();
    let Error::Token(error) = &error else { panic!("{}", chain(&error)) };
    assert_eq!((error.kind(), error.status()), (TokenErrorKind::Denied, Some(400)), "{error}");
    assert_eq!(azure.server().connections(), 0);
}

#[tokio::test]
async fn options_of_the_application_survive_a_renewal() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure);
    let pool = pool_of_one(&connector).await;
    let options = sqlx::postgres::PgConnectOptions::clone(&pool.connect_options());
    pool.set_connect_options(options.application_name("of-the-application"));

    azure.server().reject_tokens_issued_before_now();
    let rejected = tokens(&connector).token().await.unwrap();
    tokens(&connector).invalidate(&rejected);
    eventually("the pool has the new token", async || pool.acquire().await.is_ok()).await;
    let name: String = sqlx::query_scalar("SHOW application_name").fetch_one(&*pool).await.unwrap();
    assert_eq!(name, "of-the-application");
}

#[tokio::test]
async fn a_password_role_needs_no_renewal() {
    let azure = shared_azure();
    let connector = Connector::from_vars(azure.vars(Login::Password, ClientType::Other)).unwrap();
    let pool = pool_of_one(&connector).await;
    let user: String =
        sqlx::query_scalar("SELECT current_user::text").fetch_one(&*pool).await.unwrap();
    assert_eq!(user, azure.server().role(Login::Password));
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_before_the_token_is_sent() {
    let azure = LocalAzure::start().await.unwrap();
    let mut vars = azure.vars(LOGIN, ClientType::Python);
    vars.retain(|(name, _)| name != "PGSSLROOTCERT");
    let pool = pool_of_one(&Connector::from_vars(vars).unwrap()).await;
    let error = pool.acquire().await.unwrap_err();
    assert!(chain(&error).contains("certificate"), "{}", chain(&error));
    assert_eq!(azure.server().passwords_received(), 0);
}
