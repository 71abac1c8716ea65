//! The examples of pools, run as the README says.
use std::process::{Command, Output};

use crate::support::{command::command, examples::example};

/// Runs an example with the variables of a local Azure.
fn run(name: &str) -> Output {
    command(&["local-azure", "--"]).arg(example(name)).output().unwrap()
}

#[track_caller]
fn assert_prints(name: &str, expected: &str) {
    let output = run(name);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn deadpool_runs_twenty_queries_with_one_token() {
    let users = "aad_system\n".repeat(20);
    assert_prints("deadpool", &format!("{users}20 queries, 1 token request\n"));
}

#[test]
fn bb8_runs_twenty_queries_with_one_token() {
    let users = "aad_system\n".repeat(20);
    assert_prints("bb8", &format!("{users}20 queries, 1 token request\n"));
}

#[test]
fn diesel_async_runs_twenty_queries_with_one_token() {
    let users = "aad_system\n".repeat(20);
    assert_prints("diesel_async", &format!("{users}20 queries, 1 token request\n"));
}

#[test]
fn r2d2_runs_twenty_queries_with_one_token_from_threads() {
    let users = "aad_system\n".repeat(20);
    assert_prints("blocking", &format!("{users}20 queries, 1 token request\n"));
    assert_prints("diesel", &format!("{users}20 queries, 1 token request\n"));
}

#[test]
fn sqlx_runs_twenty_queries_with_one_token() {
    let users = "aad_system\n".repeat(20);
    assert_prints("sqlx", &format!("{users}20 queries, 1 token request\n"));
}

#[test]
fn sea_orm_queries_over_the_sqlx_pool() {
    assert_prints("sea_orm", "aad_system\n");
}

/// The second start finds nothing left to do.
#[test]
fn migrations_are_applied_once() {
    let twice = r#""$0" && "$0""#;
    let mut command = command(&["local-azure", "--create-tables", "--", "sh", "-c", twice]);
    let output = command.arg(example("migrations")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, "2 migrations are applied\n".repeat(2));
}

#[test]
fn the_generic_recipe_connects_and_checks() {
    assert_prints("generic_pool", "aad_system\nready for the next one\n");
}

#[test]
fn without_variables_they_name_what_to_set() {
    let names = [
        "deadpool",
        "bb8",
        "blocking",
        "diesel",
        "diesel_async",
        "sqlx",
        "sea_orm",
        "generic_pool",
        "listen",
        "migrations",
    ];
    for name in names {
        let output = Command::new(example(name)).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("PGHOST"), "{name}: {message}");
    }
}
