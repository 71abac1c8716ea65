//! The story of the articles: from a new server to an application that reads and writes.

use postgres_entra::{
    Connector, RejectionReason, Settings,
    admin::{self, Change, Grant, GrantOutcome, Level, Principal, PrincipalType},
    emulator::{ClientType, LocalAzure, Login, Platform},
};
use tokio_postgres::error::SqlState;

use crate::support::chain;

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

#[tokio::test]
async fn an_administrator_provisions_a_managed_identity_that_then_reads_and_writes() {
    let azure = LocalAzure::builder().without_application_roles().start().await.unwrap();
    let application = Connector::from_vars(azure.vars(LOGIN, ClientType::NodeJs)).unwrap();
    let role = azure.server().role(LOGIN);
    match application.connect().await.unwrap_err() {
        postgres_entra::Error::Rejected(rejection) => {
            assert_eq!(rejection.reason(), RejectionReason::AuthenticationFailed);
        }
        error => panic!("{}", chain(&error)),
    }

    // Everything from the administrator's variables; one token serves both databases.
    let vars = azure.vars(Login::Administrator, ClientType::Python);
    let database = Connector::from_vars(vars.clone()).unwrap();
    let administration = Connector::builder()
        .settings(Settings::from_vars(vars).unwrap().with_database("postgres"))
        .token_cache(database.token_cache().unwrap().clone())
        .build()
        .unwrap();
    let mut owner = database.connect().await.unwrap();
    let tables = "CREATE TABLE item (id serial, name text); CREATE SCHEMA private; \
                  CREATE TABLE private.salary (amount int)";
    owner.batch_execute(tables).await.unwrap();

    let object_id = LOGIN.object_id().unwrap();
    let principal = Principal::by_object_id(role, object_id, PrincipalType::Service);
    let mut client = administration.connect().await.unwrap();
    let change = admin::ensure_principal(&mut client, &principal).await.unwrap();
    assert_eq!(change, Change::Created);
    let grant = Grant::new(role, azure.server().database(), Level::Write);
    let outcome = admin::grant(&mut owner, &grant).await.unwrap();
    assert!(matches!(outcome, GrantOutcome::Granted(_)), "{outcome}");

    let application = application.connect().await.unwrap();
    application.execute("INSERT INTO item (name) VALUES ('nail')", &[]).await.unwrap();
    let row =
        application.query_one("SELECT name, current_user::text FROM item", &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("nail", role));
    for refused in [
        "TRUNCATE item",
        "DROP TABLE item",
        "CREATE TABLE private.t ()",
        "SELECT * FROM private.salary",
    ] {
        let error = application.batch_execute(refused).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{refused}");
    }
    // One for the administrator and one for the application.
    assert_eq!(azure.identity_service().tokens_issued(), 2);
}
