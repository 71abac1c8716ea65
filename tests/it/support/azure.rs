//! The local Azure of the tests, and connectors to it.

use std::sync::OnceLock;

use postgres_entra::{
    Connector, ConnectorBuilder, Environment,
    emulator::{ClientType, LocalAzure, Login},
};

use super::fake_server::Authority;

/// One local Azure for all tests that set no fault.
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

/// A connector that reads the variables of this login.
pub fn builder(azure: &LocalAzure, login: Login) -> ConnectorBuilder {
    let vars = azure.vars(login, ClientType::Python);
    Connector::builder().environment(Environment::from_vars(vars))
}

/// A file with the authority's certificate, in a folder that goes away with the guard.
pub fn trusted(authority: &Authority) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    (folder, file)
}
