//! Which credential logs in: `--credential` and `AZURE_TOKEN_CREDENTIALS`.

use std::{os::unix::fs::PermissionsExt, process::Command};

use postgres_entra::emulator::{ClientType, Login, Platform, TokenSpec};
use tempfile::TempDir;

use crate::support::{
    command::{bare_command, text},
    shared_azure,
};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);
const VARIABLE: &str = "AZURE_TOKEN_CREDENTIALS";

/// A folder with an `az` and an `azd` that have a token of this login.
fn developer_tools(login: Login) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let token = shared_azure().identity_service().mint_token(&TokenSpec::new(login));
    let az = format!(
        "echo '{{\"accessToken\":\"{token}\",\"expires_on\":4102444800,\"tokenType\":\"Bearer\"}}'"
    );
    let azd = format!("echo '{{\"token\":\"{token}\",\"expiresOn\":\"2100-01-01T00:00:00Z\"}}'");
    for (name, script) in [("az", az), ("azd", azd)] {
        let program = folder.path().join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }
    folder
}

/// The command on a developer's machine: the server's variables, no identity, and these tools.
fn on_a_laptop(tools: &TempDir, arguments: &[&str]) -> Command {
    let mut command = bare_command(arguments);
    let vars = shared_azure().vars(LOGIN, ClientType::Other).into_iter();
    command.envs(vars.filter(|(name, _)| !name.starts_with("IDENTITY_")));
    command.env("PATH", format!("{}:/usr/bin:/bin", tools.path().display()));
    command
}

fn because(output: &std::process::Output) -> String {
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["healthy"], true, "{report}");
    report["steps"][1]["details"]["because"].as_str().unwrap().to_owned()
}

#[test]
fn a_developer_logs_in_with_one_variable_or_one_option() {
    let tools = developer_tools(LOGIN);
    for name in ["dev", "DEV", "AzureCliCredential", "azuredeveloperclicredential"] {
        let doctor = &["doctor", "--json"];
        let output = on_a_laptop(&tools, doctor).env(VARIABLE, name).output().unwrap();
        assert!(because(&output).starts_with("AZURE_TOKEN_CREDENTIALS asks for "), "{output:?}");
        let output = on_a_laptop(&tools, doctor).args(["--credential", name]).output().unwrap();
        assert!(because(&output).starts_with("the builder asks for "), "{output:?}");
    }
}

#[test]
fn the_option_goes_before_the_variable() {
    let tools = developer_tools(LOGIN);
    let mut command = on_a_laptop(&tools, &["doctor", "--json", "--credential", "dev"]);
    let output = command.env(VARIABLE, "nonsense").output().unwrap();
    assert_eq!(because(&output), "the builder asks for dev");
}

#[test]
fn a_choice_that_can_not_be_used_is_named() {
    let tools = developer_tools(LOGIN);
    let output = on_a_laptop(&tools, &["token"]).env(VARIABLE, "nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let problem = text(&output.stderr);
    assert!(problem.contains(VARIABLE) && problem.contains("dev, prod"), "{problem}");

    let output = on_a_laptop(&tools, &["token", "--credential", "nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let problem = text(&output.stderr);
    assert!(problem.contains("--credential") && problem.contains("dev, prod"), "{problem}");
}

#[test]
fn a_password_needs_no_credential_and_contradicts_one_that_is_asked_for() {
    let tools = developer_tools(LOGIN);
    let with_password = |arguments: &[&str]| {
        let mut command = on_a_laptop(&tools, arguments);
        command.envs(shared_azure().vars(Login::Password, ClientType::Other));
        command
    };
    let mut command = with_password(&["doctor", "--json"]);
    let output = command.env(VARIABLE, "dev").output().unwrap();
    assert!(because(&output).contains("password"), "{output:?}");
    let output = with_password(&["token", "--credential", "dev"]).output().unwrap();
    assert!(text(&output.stderr).contains("hold a password"), "{output:?}");
}
