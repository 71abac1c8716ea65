//! HTTPS to a stand-in for Microsoft Entra ID, whose certificate a child process trusts or not.

//!
//! Linux alone, because `SSL_CERT_FILE` is of no use where the system keeps its certificates elsewhere.

use std::path::Path;

use crate::support::{
    child,
    fake_server::{Authority, FakeServer},
    trusted,
};
use postgres_entra::{Cloud, Environment, TokenErrorKind, TokenSource, source::ClientSecret};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const SECRET: &str = "hunter2";

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
        assert_eq!(error.kind(), TokenErrorKind::Configuration);
        assert!(error.hint().contains("certificate authorities"), "{error}");
    }
}

/// Runs the test again as a child that trusts what is in `roots`.
async fn run_child(test: &str, trust: &str, port: u16, roots: &Path) {
    let mut command = child::command(module_path!(), test, trust);
    command
        .env("AZURE_AUTHORITY_HOST", format!("https://localhost:{port}"))
        .env("SSL_CERT_FILE", roots)
        .env("NO_PROXY", "localhost");
    child::passes(command).await;
}

/// A stand-in for Microsoft Entra ID with a certificate of this authority.
async fn entra(authority: &Authority) -> FakeServer {
    let answer = |_: &str| (200, r#"{"access_token":"abc","expires_in":60}"#.to_owned());
    FakeServer::https(authority.acceptor("localhost", |_| ()), answer).await
}

#[tokio::test]
async fn a_trusted_authority_gets_the_secret() {
    if let Some(trust) = child::part() {
        return fetch(&trust).await;
    }
    let authority = Authority::new();
    let (_folder, roots) = trusted(&authority);
    let entra = entra(&authority).await;
    run_child("a_trusted_authority_gets_the_secret", "trusted", entra.port(), &roots).await;
    assert!(entra.received("POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n"));
    assert!(entra.received(SECRET));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_gets_nothing() {
    if let Some(trust) = child::part() {
        return fetch(&trust).await;
    }
    let (authority, other) = (Authority::new(), Authority::new());
    let (_folder, roots) = trusted(&other);
    let entra = entra(&authority).await;
    let test = "an_authority_that_is_not_trusted_gets_nothing";
    run_child(test, "untrusted", entra.port(), &roots).await;
    assert!(entra.connections() > 0 && !entra.was_asked(), "a request came through");
}
