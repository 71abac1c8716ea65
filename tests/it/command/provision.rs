//! `postgres-entra provision`.
use std::process::{Command, Output};

use crate::support::{
    chain,
    command::{bare_command, text},
    shared_azure,
};
use postgres_entra::{
    Connector,
    emulator::{ClientType, Login, Platform},
};

const OBJECT_ID: &str = "5f0c1a2b-0000-4000-8000-00000000000a";

fn provision() -> Command {
    bare_command(&["provision"])
}

/// Runs it with the variables of this login alone.
fn run_as(login: Login, arguments: &[&str]) -> Output {
    let vars = shared_azure().vars(login, ClientType::Python);
    provision().args(arguments).envs(vars).output().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    run_as(Login::Administrator, arguments)
}

fn count_of_roles(role: &str) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let vars = shared_azure().vars(Login::Administrator, ClientType::Python);
        let client = Connector::from_vars(vars).unwrap().connect().await;
        let client = client.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let sql = "SELECT count(*) FROM pg_roles WHERE rolname = $1";
        client.query_one(sql, &[&role]).await.unwrap().get(0)
    })
}

#[test]
fn it_says_what_it_changed_and_a_second_run_changes_nothing() {
    let login = Login::SystemAssigned(Platform::AppService);
    let id = login.object_id().unwrap();
    let arguments = ["--role", "shop app", "--object-id", id, "--grant", "read"];
    let first = run(&arguments);
    assert!(first.status.success(), "{first:?}");
    let stdout = text(&first.stdout);
    assert!(stdout.starts_with("role shop app: created\n"), "{stdout}");
    assert!(stdout.contains("database orders: granted CONNECT on database orders"), "{stdout}");

    let second = run(&arguments);
    assert_eq!(text(&second.stdout), "role shop app: unchanged\ndatabase orders: unchanged\n");
}

#[test]
fn a_dry_run_prints_the_sql_and_connects_to_nothing() {
    let output = provision()
        .args(["--role", "o'brien", "--object-id", OBJECT_ID, "--kind", "user", "--mfa"])
        .args(["--grant", "write", "--schema", "sales", "--database", "shop", "--dry-run"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = format!(
        "-- in the database \"postgres\"\nBEGIN;\n\
         SELECT * FROM pg_catalog.pgaadauth_create_principal_with_oid('o''brien', '{OBJECT_ID}', 'user', false, true);\n\
         COMMIT;\n\n\
         -- in the database \"shop\"\nBEGIN;\n\
         GRANT CONNECT ON DATABASE \"shop\" TO \"o'brien\";\n\
         GRANT USAGE ON SCHEMA \"sales\" TO \"o'brien\";\n\
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"sales\" TO \"o'brien\";\n\
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA \"sales\" TO \"o'brien\";\n\
         ALTER DEFAULT PRIVILEGES IN SCHEMA \"sales\" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO \"o'brien\";\n\
         ALTER DEFAULT PRIVILEGES IN SCHEMA \"sales\" GRANT USAGE, SELECT ON SEQUENCES TO \"o'brien\";\n\
         COMMIT;\n"
    );
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn a_dry_run_with_the_administrators_variables_changes_nothing() {
    let arguments = ["--role", "dry", "--object-id", OBJECT_ID, "--grant", "owner", "--dry-run"];
    let output = run(&arguments);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("-- in the database \"orders\""));
    assert_eq!(count_of_roles("dry"), 0);
}

#[test]
fn what_cannot_be_done_is_an_error_with_its_cause() {
    let output = run_as(Login::ServicePrincipal, &["--role", "x", "--object-id", OBJECT_ID]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("log in as a Microsoft Entra administrator"), "{stderr}");
    assert!(stderr.contains("caused by: db error"), "{stderr}");

    assert!(run(&["--role", "pointed", "--object-id", OBJECT_ID]).status.success());
    let other = OBJECT_ID.replace("5f", "6e");
    let output = run(&["--role", "pointed", "--object-id", &other]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains(OBJECT_ID) && stderr.contains(&other), "{stderr}");
}

#[test]
fn no_secret_is_printed() {
    let vars = shared_azure().vars(Login::Administrator, ClientType::Python);
    let (_, secret) = vars.iter().find(|(name, _)| name.ends_with("CLIENTSECRET")).unwrap();
    for arguments in [
        &["--role", "discreet", "--object-id", OBJECT_ID, "--grant", "owner"][..],
        &["--role", "nobody in the tenant"],
    ] {
        let output = run(arguments);
        let shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!shown.is_empty() && !shown.contains(secret.as_str()), "{shown}");
        assert!(!shown.contains("eyJ"), "{shown}");
    }
}

#[test]
fn wrong_arguments_are_named_on_stderr() {
    let cases: [&[&str]; 8] = [
        &[],
        &["--role"],
        &["--role", "x", "--kind", "robot", "--object-id", OBJECT_ID],
        &["--role", "x", "--kind", "user"],
        &["--role", "x", "--grant", "all"],
        &["--role", "x", "--schema", "sales"],
        &["--role", "x", "--database", "shop"],
        &["--role", "x", "--force"],
    ];
    for arguments in cases {
        let output = provision().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains("error: "), "{arguments:?}");
    }
}

#[test]
fn help_goes_to_stdout() {
    let output = provision().arg("--help").output().unwrap();
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("Create the database role"));
}
