//! HTTPS to a stand-in for Microsoft Entra ID, whose certificate a child process trusts or not.

//!
//! Linux alone, because `SSL_CERT_FILE` is of no use where the system keeps its certificates elsewhere.

#![cfg(all(feature = "emulator", target_os = "linux"))]

mod common;

use std::path::Path;

use common::{child, fake_server::Authority, trusted};
use postgres_entra::{Cloud, Environment, TokenErrorKind, TokenSource, source::ClientSecret};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const SECRET: &str = "hunter2";

/// Serves until a request has come through TLS, and returns it.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) -> String {
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
async fn run_child(test: &str, trust: &str, port: u16, roots: &Path) {
    let mut command = child::command(test, trust);
    command
        .env("AZURE_AUTHORITY_HOST", format!("https://localhost:{port}"))
        .env("SSL_CERT_FILE", roots)
        .env("NO_PROXY", "localhost");
    child::passes(command).await;
}

/// A stand-in for Microsoft Entra ID with a certificate of this authority.
async fn start(authority: &Authority) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, tokio::spawn(serve(listener, authority.acceptor("localhost", |_| ()))))
}

#[tokio::test]
async fn a_trusted_authority_gets_the_secret() {
    if let Some(trust) = child::part() {
        return fetch(&trust).await;
    }
    let authority = Authority::new();
    let (_folder, roots) = trusted(&authority);
    let (port, serving) = start(&authority).await;
    run_child("a_trusted_authority_gets_the_secret", "trusted", port, &roots).await;
    let request = serving.await.unwrap();
    assert!(request.starts_with("POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(SECRET));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_gets_nothing() {
    if let Some(trust) = child::part() {
        return fetch(&trust).await;
    }
    let (authority, other) = (Authority::new(), Authority::new());
    let (_folder, roots) = trusted(&other);
    let (port, serving) = start(&authority).await;
    let test = "an_authority_that_is_not_trusted_gets_nothing";
    run_child(test, "untrusted", port, &roots).await;
    assert!(!serving.is_finished(), "a request came through");
    serving.abort();
}
