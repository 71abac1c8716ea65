//! `postgres-entra psql`.
use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use crate::support::{
    command::{bare_command, text},
    shared_azure, skip_without,
};
use postgres_entra::emulator::{ClientType, LocalAzure, Login, Platform};

const APP_SERVICE: Login = Login::SystemAssigned(Platform::AppService);

/// The command with the variables of this login, not yet started.
fn psql(login: Login) -> Command {
    let mut command = bare_command(&["psql"]);
    command.envs(shared_azure().vars(login, ClientType::Other));
    command
}

/// Runs the command, unless there is no `psql` to be started.
fn run(command: &mut Command, arguments: &[&str]) -> Option<Output> {
    if Command::new("psql").arg("--version").output().is_err() {
        skip_without("psql (apt-get install postgresql-client)");
        return None;
    }
    Some(command.args(["-XAt"]).args(arguments).output().unwrap())
}

#[test]
fn every_login_reaches_the_server() {
    for &login in Login::ALL {
        let query = "select current_user || ' on ' || version()";
        let Some(output) = run(&mut psql(login), &["-c", query]) else { return };
        assert_eq!(output.status.code(), Some(0), "{login:?}: {output:?}");
        let expected = format!("{} on PostgreSQL ", shared_azure().server().role(login));
        assert!(text(&output.stdout).starts_with(&expected), "{output:?}");
    }
}

#[test]
fn without_a_user_the_name_comes_from_the_token() {
    let mut command = psql(Login::UserAssigned(Platform::VirtualMachine));
    command.env_remove("AZURE_POSTGRESQL_USERNAME");
    let Some(output) = run(&mut command, &["-c", "select current_user"]) else { return };
    assert_eq!(text(&output.stdout), "orders-identity\n", "{output:?}");
}

#[test]
fn variables_of_another_server_do_not_get_in_between() {
    let mut command = psql(APP_SERVICE);
    command.env("PGDATABASE", "another").env("PGSSLMODE", "disable");
    let Some(output) = run(&mut command, &["-c", "select current_database()"]) else { return };
    assert_eq!(text(&output.stdout), "orders\n", "{output:?}");
}

#[test]
fn the_exit_status_is_that_of_psql() {
    let Some(output) = run(&mut psql(APP_SERVICE), &["-c", "select nonsense"]) else { return };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let absent = ["-f", "/nonexistent/file"];
    let Some(output) = run(&mut psql(APP_SERVICE), &absent) else { return };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn an_untrusted_server_gets_no_token() {
    let azure = LocalAzure::start_blocking().unwrap();
    let mut command = bare_command(&["psql"]);
    command.envs(azure.vars(APP_SERVICE, ClientType::Other)).env_remove("PGSSLROOTCERT");
    let Some(output) = run(&mut command, &["-c", "select 1"]) else { return };
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("certificate"), "{output:?}");
    assert!(azure.server().connections() > 0);
    assert_eq!(azure.server().passwords_received(), 0);
}

/// A stand-in for `psql` that tells what it was given, and ends with 42.
const STAND_IN: &str = "#!/bin/sh
printf 'argument: %s\\n' \"$@\"
printf 'mode: %s\\n' \"$PGSSLMODE\"
printf 'password: %s\\n' \"$PGPASSWORD\" >&2
exit 42
";

#[test]
fn arguments_pass_through_and_the_token_is_in_the_environment_alone() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("psql");
    std::fs::write(&program, STAND_IN).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());

    let arguments = ["-h", "elsewhere", "-c", "select 'a b'", "--", "$HOME", ""];
    let output = psql(APP_SERVICE).env("PATH", path).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(42), "{output:?}");
    let expected = "argument: -h\nargument: elsewhere\nargument: -c\nargument: select 'a b'\nargument: --\nargument: $HOME\n\
                    argument: \nmode: verify-full\n";
    assert_eq!(text(&output.stdout), expected);
    let token = text(&output.stderr).strip_prefix("password: ").unwrap().trim_end();
    assert_eq!(token.split('.').count(), 3, "a token");
    assert!(!text(&output.stdout).contains(token));
}

#[test]
fn without_settings_or_psql_it_ends_with_one_message() {
    let output = bare_command(&["psql"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    assert!(text(&output.stderr).contains("AZURE_POSTGRESQL_HOST"), "{output:?}");

    let output = psql(APP_SERVICE).env("PATH", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(127), "{output:?}");
    assert!(text(&output.stderr).contains("psql can't be started"), "{output:?}");
    assert_eq!(text(&output.stderr).lines().count(), 1, "{output:?}");
}
