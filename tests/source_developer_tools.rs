//! The developer tools source with a stand-in for the Azure CLI. `PATH` is set for child processes
//! alone: each test runs itself again with it.

#![cfg(all(unix, feature = "azure-identity"))]

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio, time::Duration};

use postgres_entra::{
    AccessToken, Environment, TokenError, TokenErrorKind, TokenSource, source::DeveloperTools,
};
use tokio::process::Command;

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// Tells a process that it is the child.
const CHILD: &str = "POSTGRES_ENTRA_TEST_TOOLS";

/// A folder with an `az` of our own, removed at the end.
struct Tools(PathBuf);

impl Tools {
    fn new(name: &str, script: &str) -> Self {
        let name = format!("postgres-entra-{}-{name}", std::process::id());
        let tools = Self(std::env::temp_dir().join(name));
        std::fs::create_dir(&tools.0).unwrap();
        let az = tools.0.join("az");
        std::fs::write(&az, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&az, PermissionsExt::from_mode(0o755)).unwrap();
        tools
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// In the parent: runs the test again with this `az`. In the child: `None`.
async fn in_child(test: &str, script: &str) -> Option<()> {
    if Environment::process().get(CHILD).is_some() {
        return None;
    }
    let tools = Tools::new(test, script);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("PATH", &tools.0)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.unwrap();
    assert!(status.unwrap().success());
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
    assert!(error.hint().unwrap().contains("`az login`"), "{error}");
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
