//! Two ways to one server: through this crate, and through tokio-postgres with a fixed password.

use std::path::Path;

use postgres_entra::{
    Connector, Environment, TlsBackend,
    emulator::{ClientType, LocalAzure, Login, Platform},
};
use tokio_postgres::{Client, Config, Socket, config::SslMode, tls::MakeTlsConnect};

pub const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

pub fn connector(azure: &LocalAzure, backend: TlsBackend) -> Connector {
    let vars = azure.vars(LOGIN, ClientType::Python);
    let builder = Connector::builder().environment(Environment::from_vars(vars));
    builder.tls_backend(backend).build().expect("a connector")
}

/// The same server and login for tokio-postgres, with the connector's token as the password.
pub async fn fixed_config(azure: &LocalAzure, connector: &Connector) -> Config {
    let tokens = connector.token_cache().expect("a login with a token");
    let token = tokens.token().await.expect("a token");
    let server = azure.server();
    let mut config = Config::new();
    config
        .host(server.host())
        .hostaddr(server.hostaddr())
        .port(server.port())
        .dbname(server.database())
        .user(server.role(LOGIN))
        .password(token.secret())
        .ssl_mode(SslMode::Require);
    config
}

/// Connects with tokio-postgres alone.
pub async fn connect_fixed<T>(config: &Config, tls: T) -> Client
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// A native-tls connector that trusts the system's certificate authorities and this one.
pub fn build_native_tls(ca: &Path) -> native_tls::TlsConnector {
    let pem = std::fs::read(ca).expect("the certificate authority");
    let root = native_tls::Certificate::from_pem(&pem).expect("a certificate");
    native_tls::TlsConnector::builder().add_root_certificate(root).build().expect("a connector")
}
