//! `postgres-entra token`.

use std::process::Command;

use postgres_entra::emulator::{ClientType, Login, Platform};

use crate::support::{
    command::{bare_command, text},
    shared_azure,
};

fn token(login: Login, arguments: &[&str]) -> Command {
    let mut command = bare_command(&["token"]);
    command.args(arguments).envs(shared_azure().vars(login, ClientType::Python));
    command
}

#[test]
fn it_prints_the_token_and_nothing_else() {
    for &login in Login::ALL.iter().filter(|&&login| login != Login::Password) {
        let output = token(login, &[]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let line = text(&output.stdout).strip_suffix('\n').unwrap();
        assert_eq!((line.split('.').count(), line.lines().count()), (3, 1));
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn with_claims_it_prints_them_and_no_token() {
    let login = Login::SystemAssigned(Platform::VirtualMachine);
    let output = token(login, &["--claims"]).output().unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(claims["oid"].as_str(), login.object_id());
    assert!(claims["exp"].is_number());
    assert!(!text(&output.stdout).contains("eyJ"));
}

#[test]
fn a_login_without_a_token_is_an_error() {
    let output = token(Login::Password, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("the settings hold a password"), "{output:?}");
}
