//! The developer tools source with a stand-in for the Azure CLI. `PATH` is set for child processes
//! alone: each test runs itself again with it.

use crate::support::child;
use std::{os::unix::fs::PermissionsExt, time::Duration};

use postgres_entra::{
    AccessToken, TokenError, TokenErrorKind, TokenSource, source::DeveloperTools,
};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// A folder with an `az` of our own, removed at the end.
fn tools(script: &str) -> tempfile::TempDir {
    let tools = tempfile::tempdir().unwrap();
    let az = tools.path().join("az");
    std::fs::write(&az, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&az, PermissionsExt::from_mode(0o755)).unwrap();
    tools
}

/// In the parent: runs the test again with this `az`. In the child: `None`.
async fn in_child(test: &str, script: &str) -> Option<()> {
    if child::part().is_some() {
        return None;
    }
    let tools = tools(script);
    let mut command = child::command(module_path!(), test, "fetch");
    command.env("PATH", tools.path());
    child::passes(command).await;
    Some(())
}

async fn fetch(timeout: Duration) -> Result<AccessToken, TokenError> {
    DeveloperTools::new().with_timeout(timeout).fetch_token(SCOPE).await
}

#[tokio::test]
async fn the_token_of_the_azure_cli_is_taken() {
    let script = r#"echo '{"accessToken":"abc","expires_on":4102444800,"tokenType":"Bearer"}'"#;
    if in_child("the_token_of_the_azure_cli_is_taken", script).await.is_some() {
        return;
    }
    let token = fetch(Duration::from_secs(30)).await.unwrap();
    assert_eq!(token.secret(), "abc");
}

#[tokio::test]
async fn a_developer_who_is_not_logged_in_is_told_what_to_run() {
    let script = "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1";
    if in_child("a_developer_who_is_not_logged_in_is_told_what_to_run", script).await.is_some() {
        return;
    }
    let error = fetch(Duration::from_secs(30)).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Denied);
    assert!(error.hint().contains("`az login`"), "{error}");
}

#[tokio::test]
async fn a_tool_that_hangs_is_a_timeout() {
    if in_child("a_tool_that_hangs_is_a_timeout", "/bin/sleep 600").await.is_some() {
        return;
    }
    let error = fetch(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Timeout, "{error}");
    assert!(error.is_transient());
}
