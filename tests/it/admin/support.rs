//! One local Azure for all tests, each of which uses roles and schemas of its own.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use postgres_entra::{
    AccessToken, Connector, Error, Settings,
    admin::{self, Change, Principal, PrincipalType},
    emulator::{ClientType, LocalAzure, Login, TokenSpec},
    source,
};
use tokio_postgres::{Client, error::SqlState};

/// The object id of the application, which tests log in as under many roles.
pub(crate) fn object_id() -> &'static str {
    Login::ServicePrincipal.object_id().unwrap()
}

pub(crate) const OTHER_OBJECT_ID: &str = "5f0c1a2b-0000-4000-8000-00000000000a";

/// A server on which no application has a role yet. Never dropped: its end is the process's.
pub(crate) fn azure() -> &'static LocalAzure {
    static AZURE: OnceLock<LocalAzure> = OnceLock::new();
    AZURE.get_or_init(|| {
        let builder = LocalAzure::builder().without_application_roles();
        builder.start_blocking().expect("a local Azure")
    })
}

pub(crate) async fn connect(
    azure: &LocalAzure,
    login: Login,
    role: &str,
    database: &str,
) -> Result<Client, Error> {
    let settings = Settings::from_vars(azure.vars(login, ClientType::Python)).unwrap();
    let settings = settings.with_user(role).with_database(database);
    let token = azure.identity_service().mint_token(&TokenSpec::new(login));
    let source = source::from_fn(move |_scope| {
        let token = AccessToken::new(&*token, SystemTime::now() + Duration::from_secs(600));
        async move { token }
    });
    Connector::builder().settings(settings).token_source(source).build()?.connect().await
}

/// The administrator in this database.
pub(crate) async fn administrator(database: &str) -> Client {
    let role = azure().server().role(Login::Administrator);
    connect(azure(), Login::Administrator, role, database).await.unwrap()
}

/// The application under this role, in its own database.
pub(crate) async fn application(role: &str) -> Client {
    let database = azure().server().database();
    connect(azure(), Login::ServicePrincipal, role, database).await.unwrap()
}

/// Creates a role for the application.
pub(crate) async fn new_role(role: &str) {
    let principal = Principal::by_object_id(role, object_id(), PrincipalType::Service);
    let mut client = administrator("postgres").await;
    assert_eq!(admin::ensure_principal(&mut client, &principal).await.unwrap(), Change::Created);
}

/// Creates a schema of the administrators with a table and a sequence in it.
pub(crate) async fn new_schema(schema: &str) -> Client {
    let client = administrator("orders").await;
    let sql = format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.orders (id serial, item text); \
         INSERT INTO {schema}.orders (item) VALUES ('first')"
    );
    client.batch_execute(&sql).await.unwrap();
    client
}

/// Executes a statement about a database that other tests grant on too: the server refuses whoever comes
/// second (`tuple concurrently updated`).
pub(crate) async fn execute_in_turn(client: &Client, sql: &str) {
    loop {
        match client.batch_execute(sql).await {
            Err(error) if error.code() == Some(&SqlState::INTERNAL_ERROR) => {}
            executed => return executed.unwrap(),
        }
    }
}

/// Whether the server lets the client do this; any other refusal than "permission denied" is a mistake.
pub(crate) async fn may(client: &Client, sql: &str) -> bool {
    match client.batch_execute(sql).await {
        Ok(()) => true,
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => false,
        Err(error) => panic!("{sql}: {error:?}"),
    }
}
