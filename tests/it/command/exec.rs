//! `postgres-entra exec`.

use std::{collections::BTreeMap, process::Command};

use postgres_entra::emulator::{ClientType, Login, Platform};

use crate::support::{
    command::{bare_command, text},
    shared_azure, skip_without,
};

fn exec(login: Login, client: ClientType, arguments: &[&str]) -> Command {
    let mut command = bare_command(&["exec"]);
    command.args(arguments).envs(shared_azure().vars(login, client));
    command
}

/// What `env` prints as the child.
fn environment(command: &mut Command) -> BTreeMap<String, String> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.into(), value.into()));
    text(&output.stdout).lines().filter_map(pair).collect()
}

#[test]
fn a_program_has_the_login_and_none_of_the_secrets_that_it_was_made_from() {
    let of_all_logins = Login::ALL.iter().map(|&login| (login, ClientType::Other));
    let of_all_clients = [Login::Password, Login::ServicePrincipal]
        .into_iter()
        .flat_map(|login| ClientType::ALL.iter().map(move |&client| (login, client)));
    for (login, client) in of_all_logins.chain(of_all_clients) {
        let vars = shared_azure().vars(login, client);
        let child = environment(
            exec(login, client, &["--", "env"])
                .env("STRIPE_API_KEY", "of the application")
                .env("DATABASE_URL", "postgres://u:p@other.example/d")
                .env("COLOUR", "blue"),
        );
        assert_eq!(child["PGHOST"], shared_azure().server().host());
        assert_eq!(child["PGUSER"], shared_azure().server().role(login), "{client:?}");
        assert_eq!(child["COLOUR"], "blue");
        assert!(!child.contains_key("STRIPE_API_KEY") && !child.contains_key("DATABASE_URL"));
        let secret = |name: &str| {
            let name = name.to_uppercase();
            ["SECRET", "HEADER", "PASSWORD", "TOKEN_FILE"].iter().any(|end| name.ends_with(end))
        };
        for (name, value) in vars.iter().filter(|(name, _)| secret(name)) {
            let holds = child.iter().filter(|(known, _)| *known != "PGPASSWORD");
            assert!(!holds.into_iter().any(|(_, held)| held.contains(value)), "{name}");
        }
    }
}

#[test]
fn a_variable_that_is_named_is_kept() {
    let login = Login::SystemAssigned(Platform::AppService);
    let arguments = ["--keep", "STRIPE_API_KEY", "--keep", "OTHER_TOKEN", "--", "env"];
    let child = environment(
        exec(login, ClientType::Python, &arguments)
            .env("STRIPE_API_KEY", "a")
            .env("OTHER_TOKEN", "b")
            .env("THIRD_SECRET", "c"),
    );
    assert_eq!((&*child["STRIPE_API_KEY"], &*child["OTHER_TOKEN"]), ("a", "b"));
    assert!(!child.contains_key("THIRD_SECRET"));
}

#[test]
fn pg_dump_logs_in() {
    let login = Login::SystemAssigned(Platform::AppService);
    if Command::new("pg_dump").arg("--version").output().is_err() {
        return skip_without("pg_dump (apt-get install postgresql-client)");
    }
    let arguments = ["pg_dump", "--schema-only", "--schema", "pg_temp*"];
    let output = exec(login, ClientType::Go, &arguments).output().unwrap();
    // The dump of nothing is an error of pg_dump's own, after the login.
    assert!(text(&output.stderr).contains("no matching schemas"), "{output:?}");
}

#[test]
fn statuses_are_those_of_programs_that_run_others() {
    let login = Login::SystemAssigned(Platform::AppService);
    let cases: [(&[&str], i32); 4] = [
        (&["sh", "-c", "exit 7"], 7),
        (&["--", "/nonexistent/program"], 127),
        (&["--", "/etc/passwd"], 126),
        (&[], 2),
    ];
    for (arguments, status) in cases {
        let output = exec(login, ClientType::Python, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
    let output = bare_command(&["exec", "--", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{output:?}");
}
