//! One shared local Azure, and clients that are as plain as can be.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use postgres_entra::{
    AccessToken, Claims,
    emulator::{ClientType, LocalAzure, Login, TokenSpec},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Mutex, MutexGuard},
    time::timeout,
};
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Everything here is on loopback: what takes longer is stuck.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// The instance of all tests that set no fault. Never dropped: its end is the process's.
pub(crate) fn azure() -> &'static LocalAzure {
    static AZURE: OnceLock<LocalAzure> = OnceLock::new();
    AZURE.get_or_init(|| LocalAzure::start_blocking().expect("a local Azure"))
}

/// The instance of the tests that set faults, for one of them at a time.
pub(crate) async fn faulty() -> MutexGuard<'static, LocalAzure> {
    static FAULTY: OnceLock<Mutex<LocalAzure>> = OnceLock::new();
    let start = || LocalAzure::start_blocking().expect("a local Azure").into();
    let azure = FAULTY.get_or_init(start).lock().await;
    azure.identity_service().set_fault(None);
    azure.identity_service().set_token_caching(false);
    azure.server().set_fault(None);
    azure
}

/// An answer of the identity service.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} is no string: {self:?}"))
    }

    pub(crate) fn claims(&self) -> Claims {
        claims_of(self.text("access_token"))
    }
}

pub(crate) fn claims_of(token: &str) -> Claims {
    AccessToken::new(token, std::time::UNIX_EPOCH).unwrap().claims().unwrap()
}

pub(crate) async fn get(azure: &LocalAzure, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(azure, &request("GET", path, headers, "")).await.unwrap()
}

pub(crate) async fn post_form(azure: &LocalAzure, path: &str, form: &str) -> Answer {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    exchange(azure, &request("POST", path, &headers, form)).await.unwrap()
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    )
}

/// Sends the request as it is and reads the answer to its end.
pub(crate) async fn exchange(azure: &LocalAzure, request: &str) -> io::Result<Answer> {
    let address = azure.identity_service().base_url().strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    timeout(LIMIT, socket.read_to_string(&mut answer)).await??;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()));
    Ok(Answer { status, head: head.to_owned(), body })
}

/// The variables of a login as a map.
pub(crate) fn vars(
    azure: &LocalAzure,
    login: Login,
    client: ClientType,
) -> BTreeMap<String, String> {
    azure.vars(login, client).into_iter().collect()
}

/// A fresh token of this login, for the server.
pub(crate) fn token(azure: &LocalAzure, login: Login) -> String {
    azure.identity_service().mint_token(&TokenSpec::new(login))
}

pub(crate) fn tls_config(azure: &LocalAzure) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(azure.ca_certificate()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A connection over which the server speaks TLS, verified, with nothing sent yet.
pub(crate) async fn dial(azure: &LocalAzure) -> io::Result<TlsStream<TcpStream>> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let mut socket = TcpStream::connect(azure.server().address()).await?;
    socket.write_all(&SSL_REQUEST).await?;
    assert_eq!(socket.read_u8().await?, b'S');
    handshake(azure, tls_config(azure), socket).await
}

pub(crate) async fn handshake(
    azure: &LocalAzure,
    config: ClientConfig,
    socket: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(azure.server().host().to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

/// Logs in over verified TLS.
pub(crate) async fn log_in(
    azure: &LocalAzure,
    user: &str,
    password: &str,
) -> Result<Client, tokio_postgres::Error> {
    let stream = dial(azure).await.expect("TLS");
    let (client, connection) = config(azure, user, password).connect_raw(stream, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The TLS is already there, so tokio-postgres is told to bring none.
pub(crate) fn config(azure: &LocalAzure, user: &str, password: &str) -> Config {
    let mut config = Config::new();
    config.user(user).password(password).dbname(azure.server().database());
    config.ssl_mode(SslMode::Disable);
    config
}

/// The SQLSTATE and text with which a login is refused.
pub(crate) async fn refusal(azure: &LocalAzure, user: &str, password: &str) -> (String, String) {
    let error = log_in(azure, user, password).await.expect_err("a refused login");
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(error.severity(), "FATAL");
    (error.code().code().to_owned(), error.message().to_owned())
}

pub(crate) async fn current_user(client: &Client) -> String {
    client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0)
}
