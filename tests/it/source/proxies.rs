//! Which requests go through a proxy. The variables are set for child processes alone: the test runs
//! itself again with them.

use crate::support::{
    child,
    http::{Request, Server, answer},
};
use std::{process::Command, time::Duration};

use postgres_entra::{
    TokenErrorKind, TokenSource,
    source::{AppService, ClientSecret, Imds},
};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const TOKEN: &str = r#"{"access_token":"abc","expires_in":"3599"}"#;

/// A child whose part is to ask this endpoint, and whom every variable sends to this proxy.
fn child(test: &str, endpoint: &str, proxy: &Server) -> Command {
    let mut command = child::command(module_path!(), test, endpoint);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, proxy.url()).env(name.to_lowercase(), proxy.url());
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command
}

#[tokio::test]
async fn managed_identity_requests_go_past_any_proxy() {
    if let Some(endpoint) = child::part() {
        let imds = Imds::new().with_base_url(&endpoint).unwrap();
        let app_service = AppService::new(&endpoint, "header").unwrap();
        imds.fetch_token(SCOPE).await.unwrap();
        app_service.fetch_token(SCOPE).await.unwrap();
        return;
    }
    let proxy = Server::start([]).await;
    let endpoint = Server::start([answer(200, TOKEN), answer(200, TOKEN)]).await;
    let test = "managed_identity_requests_go_past_any_proxy";
    child::passes(child(test, &endpoint.url(), &proxy)).await;
    assert_eq!((proxy.requests().len(), endpoint.requests().len()), (0, 2));
}

#[tokio::test]
async fn requests_to_entra_go_through_the_proxy() {
    if child::part().is_some() {
        let source = ClientSecret::new("tenant", "client", "hunter2").unwrap();
        let _ = source.fetch_token(SCOPE).await;
        return;
    }
    let proxy = Server::start([answer(403, "")]).await;
    let child = child("requests_to_entra_go_through_the_proxy", "unused", &proxy);
    // The child would ask again and again.
    let request = tokio::select! {
        request = first_request(&proxy) => request,
        _ = child::passes(child) => proxy.request(),
    };
    assert_eq!(request.method, "CONNECT");
    assert_eq!(request.target, "login.microsoftonline.com:443");
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_proxy_that_asks_for_a_login_is_a_matter_of_configuration() {
    if child::part().is_some() {
        let source = ClientSecret::new("tenant", "client", "hunter2").unwrap();
        let error = source.fetch_token(SCOPE).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration, "{error:?}");
        assert!(error.hint().contains("HTTPS_PROXY"), "{error}");
        return;
    }
    let proxy = Server::start([answer(407, "")]).await;
    let test = "a_proxy_that_asks_for_a_login_is_a_matter_of_configuration";
    child::passes(child(test, "unused", &proxy)).await;
    assert_eq!(proxy.request().method, "CONNECT");
}

async fn first_request(server: &Server) -> Request {
    loop {
        if let Some(request) = server.requests().first() {
            return request.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
