//! What `Connector::connect()` adds to a connect: beside tokio-postgres with the same token as a fixed
//! password and a TLS connector that is built once, to the same server, in turn.
//!
//! ```sh
//! cargo bench --bench connect --features emulator,native-tls,rustls
//! ```
//!
//! The server is a local Azure, so a connect has no network in it and the crate's own share is as large
//! as it can be. Each round takes one sample of each way, in an order that turns round. Expect a ratio
//! that can't be told from 1, rustls ahead of native-tls (OpenSSL's first key share is one that the
//! server does not take), and a TLS connector for each connection far behind both.

mod common;

use std::{path::Path, time::Duration};

use common::{
    report::{Samples, is_test},
    rustls_connect::RustlsConnect,
};
use postgres_entra::{
    Connector, Environment, TlsBackend,
    emulator::{ClientType, LocalAzure, Login, Platform},
};
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::{Client, Config, Socket, config::SslMode, tls::MakeTlsConnect};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

/// Enough for the ratio of two medians to be known to about one in a hundred.
const ROUNDS: usize = 700;

/// Building a native-tls connector takes ten times as long as everything else.
const ROUNDS_WITH_BUILD: usize = 30;

fn main() {
    let azure = LocalAzure::start_blocking().expect("a local Azure");
    common::runtime().block_on(async {
        let native = MakeTlsConnector::new(build_native_tls(azure.ca_certificate()));
        compare("native-tls", &azure, TlsBackend::NativeTls, native).await;
        let rustls = RustlsConnect::new(azure.ca_certificate());
        compare("rustls", &azure, TlsBackend::Rustls, rustls).await;
        build_each_time(&azure).await;
    });
}

async fn compare<T>(name: &str, azure: &LocalAzure, backend: TlsBackend, tls: T)
where
    T: MakeTlsConnect<Socket> + Clone,
    T::Stream: Send + 'static,
{
    let connector = connector(azure, backend);
    let config = raw_config(azure, &connector).await;
    let (mut ours, mut raw) = (Samples::default(), Samples::default());
    // The first connects set up what the later ones reuse.
    connector.connect().await.expect("a connection");
    connect_raw(&config, tls.clone()).await;
    for round in 0..rounds(ROUNDS) {
        if round % 2 == 0 {
            ours.time(connector.connect()).await.expect("a connection");
            settle().await;
        }
        raw.time(connect_raw(&config, tls.clone())).await;
        settle().await;
        if round % 2 == 1 {
            ours.time(connector.connect()).await.expect("a connection");
            settle().await;
        }
    }
    println!("{name:<12} Connector::connect      {}", ours.summary());
    println!("{name:<12} tokio-postgres alone    {}", raw.summary());
    println!("{name:<12} ratio                   {}\n", ours.ratio_to(&raw));
}

/// What a connect costs whose TLS connector is built for it alone.
async fn build_each_time(azure: &LocalAzure) {
    let config = raw_config(azure, &connector(azure, TlsBackend::NativeTls)).await;
    let (mut native, mut rustls) = (Samples::default(), Samples::default());
    for _ in 0..rounds(ROUNDS_WITH_BUILD) {
        let connect = async {
            let tls = MakeTlsConnector::new(build_native_tls(azure.ca_certificate()));
            connect_raw(&config, tls).await
        };
        native.time(connect).await;
        settle().await;
        let connect =
            async { connect_raw(&config, RustlsConnect::new(azure.ca_certificate())).await };
        rustls.time(connect).await;
        settle().await;
    }
    println!("native-tls   built for each connect  {}", native.summary());
    println!("rustls       built for each connect  {}", rustls.summary());
}

fn rounds(wanted: usize) -> usize {
    if is_test() { 1 } else { wanted }
}

/// Lets the server end the session that was just closed, so that the next sample doesn't pay for it.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

fn connector(azure: &LocalAzure, backend: TlsBackend) -> Connector {
    let vars = azure.vars(LOGIN, ClientType::Python);
    let builder = Connector::builder().environment(Environment::from_vars(vars));
    builder.tls_backend(backend).build().expect("a connector")
}

/// The same server and login for tokio-postgres, with the connector's token as the password.
async fn raw_config(azure: &LocalAzure, connector: &Connector) -> Config {
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

async fn connect_raw<T>(config: &Config, tls: T) -> Client
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

fn build_native_tls(ca: &Path) -> native_tls::TlsConnector {
    let pem = std::fs::read(ca).expect("the certificate authority");
    let root = native_tls::Certificate::from_pem(&pem).expect("a certificate");
    native_tls::TlsConnector::builder().add_root_certificate(root).build().expect("a connector")
}
