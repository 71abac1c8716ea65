//! What the driver `postgres` has of its own.

use std::{thread, time::Duration};

use postgres_entra::{
    Connector, Identity, Settings, TlsBackend,
    blocking::{self, ConnectionManager},
    emulator::{ClientType, Login, Platform},
    settings::SslMode,
};
use r2d2::ManageConnection;

use crate::support::{builder, chain, shared_azure, sleeps, threads::on_a_thread};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

fn connector(backend: TlsBackend) -> blocking::Connector {
    builder(shared_azure(), LOGIN).tls_backend(backend).build().unwrap().into()
}

#[test]
fn each_tls_library_carries_it() {
    for &backend in TlsBackend::ALL {
        let mut client = connector(backend).connect().unwrap();
        let row = client.query_one("SELECT current_user::text", &[]).unwrap();
        assert_eq!(row.get::<_, &str>(0), shared_azure().server().role(LOGIN), "{backend:?}");
    }
}

#[test]
fn a_session_outlives_the_deadline_of_its_connect_and_its_connector() {
    let limit = Duration::from_secs(1);
    let connector: blocking::Connector =
        builder(shared_azure(), LOGIN).deadline(limit).build().unwrap().into();
    let mut client = connector.connect().unwrap();
    drop(connector);
    // Longer than any limit of the connect's.
    client.batch_execute("SELECT pg_sleep(2.5)").unwrap();
}

#[tokio::test]
async fn a_statement_is_cancelled() {
    let watcher = builder(shared_azure(), LOGIN).build().unwrap().connect().await.unwrap();
    let connector = connector(TlsBackend::default());
    let opened = connector.clone();
    let (client, token) = on_a_thread(move || {
        let client = opened.connect().unwrap();
        let token = client.cancel_token();
        (client, token)
    })
    .await;
    let mut client = client;
    let sleeper = thread::spawn(move || client.batch_execute("SELECT pg_sleep(60)"));
    sleeps(&watcher).await;
    on_a_thread(move || connector.cancel_query(&token)).await.unwrap();
    let cancelled = sleeper.join().unwrap().unwrap_err();
    assert_eq!(cancelled.code(), Some(&postgres::error::SqlState::QUERY_CANCELED));
}

#[test]
fn a_pool_replaces_a_connection_that_the_server_ended() {
    let manager = ConnectionManager::new(&connector(TlsBackend::default()));
    let mut client = manager.connect().unwrap();
    manager.is_valid(&mut client).unwrap();
    assert!(!manager.has_broken(&mut client));
    let ended = client.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())");
    assert!(ended.is_err());
    let error = manager.is_valid(&mut client).unwrap_err();
    assert!(error.is_transient(), "{}", chain(&error));
    assert!(manager.has_broken(&mut client));
}

#[tokio::test]
async fn a_connector_without_variables_says_what_to_set() {
    let error = Connector::from_vars([("A", "b")]).map(blocking::Connector::from).unwrap_err();
    assert!(error.is_config(), "{error}");
}

/// The local Azure takes no login without TLS, and its refusal is one of the server's.
#[tokio::test]
async fn a_password_may_go_without_tls_where_the_settings_say_so() {
    let vars = shared_azure().vars(LOGIN, ClientType::Python);
    let own = Settings::from_vars(vars).unwrap();
    let settings = Settings::for_hosts(own.hosts().to_vec(), Identity::Password("x".into()))
        .with_user("me")
        .with_ssl_mode(SslMode::Disable);
    let connector = Connector::builder().settings(settings).deadline(Duration::from_secs(5));
    let connector: blocking::Connector = connector.build().unwrap().into();
    let error = on_a_thread(move || connector.connect().map(drop)).await.unwrap_err();
    assert!(error.is_rejected(), "{}", chain(&error));
}
