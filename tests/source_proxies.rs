//! Which requests go through a proxy. The variables are set for child processes alone: the test runs
//! itself again with them.

#[path = "common/http.rs"]
mod http;

use std::{process::Stdio, time::Duration};

use http::{Server, answer};
use postgres_entra::{
    Environment, TokenSource,
    source::{AppService, ClientSecret, Imds},
};
use tokio::process::{Child, Command};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const TOKEN: &str = r#"{"access_token":"abc","expires_in":"3599"}"#;

/// Tells a process that it is the child; holds the URL of the identity endpoint.
const CHILD: &str = "POSTGRES_ENTRA_TEST_ENDPOINT";

fn child(test: &str, endpoint: &str, proxy: &Server) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(CHILD, endpoint).kill_on_drop(true);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, proxy.url()).env(name.to_lowercase(), proxy.url());
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy").stdout(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test]
async fn managed_identity_requests_go_past_any_proxy() {
    if let Some(endpoint) = Environment::process().get(CHILD) {
        let imds = Imds::new().with_base_url(&endpoint).unwrap();
        let app_service = AppService::new(&endpoint, "header").unwrap();
        imds.fetch_token(SCOPE).await.unwrap();
        app_service.fetch_token(SCOPE).await.unwrap();
        return;
    }
    let proxy = Server::start([]).await;
    let endpoint = Server::start([answer(200, TOKEN), answer(200, TOKEN)]).await;
    let test = "managed_identity_requests_go_past_any_proxy";
    let mut child = child(test, &endpoint.url(), &proxy);
    let status =
        tokio::time::timeout(Duration::from_secs(60), child.wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!((proxy.requests().len(), endpoint.requests().len()), (0, 2));
}

#[tokio::test]
async fn requests_to_entra_go_through_the_proxy() {
    if Environment::process().get(CHILD).is_some() {
        let source = ClientSecret::new("tenant", "client", "hunter2").unwrap();
        let _ = source.fetch_token(SCOPE).await;
        return;
    }
    let proxy = Server::start([answer(403, "")]).await;
    let mut child = child("requests_to_entra_go_through_the_proxy", "unused", &proxy);
    let request =
        tokio::time::timeout(Duration::from_secs(60), first_request(&proxy)).await.unwrap();
    child.kill().await.unwrap();
    assert_eq!(request.method, "CONNECT");
    assert_eq!(request.target, "login.microsoftonline.com:443");
    assert!(!format!("{request:?}").contains("hunter2"));
}

async fn first_request(server: &Server) -> http::Request {
    loop {
        if let Some(request) = server.requests().first() {
            return request.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
