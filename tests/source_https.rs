//! HTTPS to a stand-in for Microsoft Entra ID, whose certificate a child process trusts or not.

#![cfg(feature = "emulator")]

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use postgres_entra::{Cloud, Environment, TokenErrorKind, TokenSource, source::ClientSecret};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};
use tokio_rustls::TlsAcceptor;

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const SECRET: &str = "hunter2";

/// Tells a process that it is the child, and whether it trusts the server.
const CHILD: &str = "POSTGRES_ENTRA_TEST_TRUST";

/// A certificate for `localhost`, its key, and a file with the certificate.
struct Certificate {
    config: ServerConfig,
    file: PathBuf,
}

impl Certificate {
    fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file =
            std::env::temp_dir().join(format!("postgres-entra-{}-{name}.pem", std::process::id()));
        std::fs::write(&file, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { config, file }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Serves until a request has come through TLS, and returns it.
async fn serve(listener: TcpListener, config: ServerConfig) -> String {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut request = String::new();
        while !request.contains("scope=") {
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(read @ 1..) => request.push_str(std::str::from_utf8(&chunk[..read]).unwrap()),
                _ => break,
            }
        }
        if request.is_empty() {
            continue;
        }
        let body = r#"{"access_token":"abc","expires_in":60}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        return request;
    }
}

/// The child's part: one fetch, with the outcome that the parent expects.
async fn fetch(trust: &str) {
    let source = ClientSecret::new("tenant", "client", SECRET)
        .unwrap()
        .in_environment(Cloud::Public, &Environment::process())
        .unwrap();
    let result = source.fetch_token(SCOPE).await;
    if trust == "trusted" {
        assert_eq!(result.unwrap().secret(), "abc");
    } else {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Unreachable);
        assert!(error.hint().unwrap().contains("certificate authorities"), "{error}");
    }
}

/// Runs the test again as a child that trusts what is in `roots`.
async fn run_child(test: &str, trust: &str, port: u16, roots: &PathBuf) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, trust)
        .env("AZURE_AUTHORITY_HOST", format!("https://localhost:{port}"))
        .env("SSL_CERT_FILE", roots)
        .env("NO_PROXY", "localhost")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    tokio::time::timeout(Duration::from_secs(60), child.wait()).await.unwrap().unwrap().success()
}

async fn start(config: ServerConfig) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, tokio::spawn(serve(listener, config)))
}

#[tokio::test]
async fn a_trusted_authority_gets_the_secret() {
    if let Some(trust) = Environment::process().get(CHILD) {
        return fetch(&trust).await;
    }
    let certificate = Certificate::new("trusted");
    let (port, serving) = start(certificate.config.clone()).await;
    let test = "a_trusted_authority_gets_the_secret";
    assert!(run_child(test, "trusted", port, &certificate.file).await);
    let request = serving.await.unwrap();
    assert!(request.starts_with("POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(SECRET));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_gets_nothing() {
    if let Some(trust) = Environment::process().get(CHILD) {
        return fetch(&trust).await;
    }
    let (certificate, other) = (Certificate::new("server"), Certificate::new("other"));
    let (port, serving) = start(certificate.config.clone()).await;
    let test = "an_authority_that_is_not_trusted_gets_nothing";
    assert!(run_child(test, "untrusted", port, &other.file).await);
    assert!(!serving.is_finished(), "a request came through");
    serving.abort();
}
