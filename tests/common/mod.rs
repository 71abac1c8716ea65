//! What the integration tests share.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod child;
pub mod examples;
pub mod fake_server;
pub mod leaks;
pub mod log;
pub mod pool_story;
#[cfg(target_os = "linux")]
pub mod unmodified_postgres;

use std::{error::Error, net::SocketAddr, sync::OnceLock, time::Duration};

use postgres_entra::{
    Connector, ConnectorBuilder, Environment,
    emulator::{ClientType, LocalAzure, Login},
};

/// One local Azure for all tests of a binary that set no fault.
pub fn shared_azure() -> &'static LocalAzure {
    static AZURE: OnceLock<LocalAzure> = OnceLock::new();
    AZURE.get_or_init(|| LocalAzure::start_blocking().expect("a local Azure"))
}

/// Not the client secret of anybody, and not for anybody's eyes either.
pub const WRONG_SECRET: &str = "wrong-and-still-secret";

/// The variables of the service principal, with [`WRONG_SECRET`].
pub fn vars_with_wrong_secret(azure: &LocalAzure) -> Vec<(String, String)> {
    let mut vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    let secret = vars.iter_mut().find(|(name, _)| name == "AZURE_POSTGRESQL_CLIENTSECRET");
    secret.expect("a client secret").1 = WRONG_SECRET.to_owned();
    vars
}

/// The same variables for a client that begins TLS without asking for it.
pub fn with_direct_tls(mut vars: Vec<(String, String)>) -> Vec<(String, String)> {
    vars.push(("PGSSLNEGOTIATION".to_owned(), "direct".to_owned()));
    vars
}

/// Waits until the condition holds; panics if it doesn't within ten seconds.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let poll = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, poll).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Waits until the server runs `pg_sleep`: a statement has to be running before it can be cancelled.
pub async fn sleeps(watcher: &tokio_postgres::Client) {
    let sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    eventually("the statement runs", async || {
        !watcher.query(sleeping, &[]).await.unwrap().is_empty()
    })
    .await;
}

/// Says why a test shows nothing on this machine.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// The same for want of a program that every machine of CI has.
pub fn skip_without(program: &str) {
    assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
    skip(&format!("{program} is not installed"));
}

/// An address on loopback that refuses connections, and that nobody else gets while the socket lives.
pub fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    // Bound and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A connector that reads the variables of this login.
pub fn builder(azure: &LocalAzure, login: Login) -> ConnectorBuilder {
    let vars = azure.vars(login, ClientType::Python);
    Connector::builder().environment(Environment::from_vars(vars))
}

/// A file with the authority's certificate, in a folder that goes away with the guard.
pub fn trusted(authority: &fake_server::Authority) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    (folder, file)
}

/// An error with all of its causes, as a person would print it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
