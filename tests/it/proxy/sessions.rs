//! Sessions: who logs in, what is passed on, what the program is told.

use postgres_entra::{
    Connector, Settings, TlsBackend,
    emulator::{ClientType, LocalAzure, Login},
};
use tokio::{io::AsyncWriteExt, net::UnixStream};
use tokio_postgres::{NoTls, error::SqlState};

use super::*;
use crate::support::{eventually, refusing, shared_azure, sleeps, vars_with_wrong_secret};

#[tokio::test]
async fn a_program_is_the_identity_whatever_user_it_names() {
    let azure = shared_azure();
    let scene = scene(azure).await;
    for config in [scene.socket(), scene.port()] {
        let client = connect(&config).await.unwrap();
        assert_eq!(value(&client, "SELECT current_user::text").await, "aad_app");
        assert_eq!(value(&client, "SELECT current_database()::text").await, "orders");
    }
    let stats = scene.proxy.stats();
    assert_eq!((stats.opened, stats.failed, stats.refused), (2, 0, 0));
    eventually("no session is open", async || scene.proxy.stats().open == 0).await;
}

#[tokio::test]
async fn it_works_with_each_tls_library_and_each_identity() {
    let azure = shared_azure();
    for &backend in TlsBackend::ALL {
        for &login in Login::ALL {
            let connector = builder(azure, login).tls_backend(backend).build().unwrap();
            let scene = scene_with(&connector, |builder| builder).await;
            let client = connect(&scene.socket()).await.unwrap();
            let user = value(&client, "SELECT current_user::text").await;
            assert_eq!(user, azure.server().role(login), "{backend:?}");
        }
    }
}

#[tokio::test]
async fn what_a_program_asks_for_is_passed_on_and_the_settings_say_the_rest() {
    let azure = shared_azure();
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    let mut settings = Settings::from_vars(vars).unwrap();
    settings = settings.with_application_name("the settings");
    let connector = builder(azure, Login::ServicePrincipal).settings(settings).build().unwrap();
    let scene = scene_with(&connector, |builder| builder).await;

    let client = connect(&scene.socket()).await.unwrap();
    assert_eq!(value(&client, "SHOW application_name").await, "the settings");

    let mut config = scene.socket();
    config.dbname("postgres").application_name("the program").options("-c work_mem=1234kB");
    let client = connect(&config).await.unwrap();
    assert_eq!(value(&client, "SELECT current_database()::text").await, "postgres");
    assert_eq!(value(&client, "SHOW application_name").await, "the program");
    assert_eq!(value(&client, "SHOW work_mem").await, "1234kB");
}

#[tokio::test]
async fn a_cancel_request_reaches_the_session_it_is_for() {
    let azure = shared_azure();
    let scene = scene(azure).await;
    let client = connect(&scene.port()).await.unwrap();
    let watcher = connect(&scene.port()).await.unwrap();
    let cancel = client.cancel_token();
    let query = client.batch_execute("SELECT pg_sleep(60)");
    let cancelled = async {
        sleeps(&watcher).await;
        cancel.cancel_query(NoTls).await.unwrap();
    };
    let (result, ()) = tokio::join!(query, cancelled);
    assert_eq!(result.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    assert_eq!(scene.proxy.stats().cancelled, 1);
    client.batch_execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_cancel_request_with_another_key_reaches_nobody() {
    let azure = shared_azure();
    let scene = scene(azure).await;
    let _client = connect(&scene.port()).await.unwrap();
    let mut stream = UnixStream::connect(scene.folder.join(".s.PGSQL.5432")).await.unwrap();
    let request = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2];
    stream.write_all(&request).await.unwrap();
    eventually("it is refused", async || scene.proxy.stats().refused == 1).await;
    assert_eq!(scene.proxy.stats().cancelled, 0);
}

#[tokio::test]
async fn a_wrong_local_password_is_refused_before_anything_is_asked_of_azure() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    let mut config = scene.port();
    config.password("guessed");
    let error = connect(&config).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
    assert_eq!(azure.server().connections(), 0);
    assert_eq!(azure.identity_service().request_count(), 0);
    assert_eq!(scene.proxy.stats().refused, 1);
}

/// SQLSTATE, message and hint of what a program is told.
async fn told(connector: &Connector) -> (String, String, String) {
    let scene = scene_with(connector, |builder| builder).await;
    let error = connect(&scene.socket()).await.unwrap_err();
    let error = error.as_db_error().expect("an error of PostgreSQL's kind");
    assert_eq!(error.severity(), "FATAL");
    assert_eq!(scene.proxy.stats().failed, 1);
    let hint = error.hint().expect("a hint").to_owned();
    (error.code().code().to_owned(), error.message().to_owned(), hint)
}

/// A connector whose settings are changed.
fn connector_with(change: impl FnOnce(Settings) -> Settings) -> Connector {
    let azure = shared_azure();
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    let settings = change(Settings::from_vars(vars).unwrap());
    builder(azure, Login::ServicePrincipal).settings(settings).build().unwrap()
}

#[tokio::test]
async fn a_refusal_of_the_server_reaches_the_program_with_our_hint() {
    let (sqlstate, message, hint) =
        told(&connector_with(|settings| settings.with_user("aad_user"))).await;
    assert_eq!(sqlstate, "28000");
    assert!(message.contains("the server refused the login of \"aad_user\""), "{message}");
    assert!(message.contains("does not match the appid"), "{message}");
    assert!(hint.contains("role"), "{hint}");
}

#[tokio::test]
async fn a_missing_database_is_the_servers_to_refuse() {
    let (sqlstate, message, _) =
        told(&connector_with(|settings| settings.with_database("missing"))).await;
    assert_eq!(sqlstate, "3D000");
    assert!(message.contains("database \"missing\" does not exist"), "{message}");
}

#[tokio::test]
async fn a_refusal_of_the_identity_service_reaches_the_program() {
    let vars = vars_with_wrong_secret(shared_azure());
    let (sqlstate, message, hint) = told(&Connector::from_vars(vars).unwrap()).await;
    assert_eq!(sqlstate, "28000");
    assert!(message.contains("AADSTS7000215"), "{message}");
    assert!(hint.contains("secret"), "{hint}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_class_08() {
    let azure = shared_azure();
    let (_socket, address) = refusing();
    let mut vars = azure.vars(Login::ServicePrincipal, ClientType::Go);
    vars.push(("PGPORT".to_owned(), address.port().to_string()));
    let connector = Connector::builder()
        .environment(postgres_entra::Environment::from_vars(vars))
        .deadline(std::time::Duration::from_millis(300))
        .build()
        .unwrap();
    let (sqlstate, message, hint) = told(&connector).await;
    assert_eq!(sqlstate, "08001");
    assert!(message.contains("refused") || message.contains("deadline"), "{message}");
    assert!(!hint.is_empty());
}

/// A certificate that is not trusted: nothing is sent to it.
#[tokio::test]
async fn a_server_that_is_not_trusted_gets_no_token() {
    let azure = LocalAzure::start().await.unwrap();
    let mut vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    vars.retain(|(name, _)| name != "PGSSLROOTCERT");
    let (sqlstate, message, hint) = told(&Connector::from_vars(vars).unwrap()).await;
    assert_eq!(sqlstate, "08001");
    assert!(message.contains("certificate"), "{message}");
    assert!(hint.contains("sslrootcert"), "{hint}");
    assert_eq!(azure.server().passwords_received(), 0);
}

#[tokio::test]
async fn a_token_that_the_server_no_longer_takes_is_followed_by_a_newer_one() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    connect(&scene.socket()).await.unwrap();
    azure.server().reject_tokens_issued_before_now();
    connect(&scene.socket()).await.unwrap();
    assert_eq!(azure.identity_service().tokens_issued(), 2);
    assert_eq!(azure.server().logins_rejected(), 1);
}
