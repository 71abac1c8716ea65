//! What all subcommands share.

use std::time::{Duration, Instant};

use postgres_entra::emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform};

use crate::support::{
    command::{bare_command, text},
    shared_azure,
};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

#[test]
fn another_connection_is_found_by_its_prefix() {
    let vars = shared_azure().vars(LOGIN, ClientType::Other).into_iter();
    let vars = vars.map(|(name, value)| (name.replace("AZURE_POSTGRESQL_", "REPORTS_"), value));
    let vars: Vec<_> = vars.collect();
    for place in [&["--connection", "REPORTS", "doctor"][..], &["doctor", "--connection=REPORTS_"]]
    {
        let output = bare_command(place).envs(vars.clone()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let output = bare_command(&["doctor"]).envs(vars).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_resource_of_aspire_is_found_by_its_name() {
    let azure = shared_azure();
    let (host, port) = (azure.server().host(), azure.server().port());
    let mut vars = azure.vars(LOGIN, ClientType::Other);
    vars.retain(|(name, _)| !name.starts_with("AZURE_POSTGRESQL_"));
    let role = azure.server().role(LOGIN);
    let url = format!("jdbc:postgresql://{host}:{port}/orders?user={role}");
    vars.push(("PG_JDBCCONNECTIONSTRING".to_owned(), url));
    let doctor = |arguments: &[&str]| {
        bare_command(&["doctor"]).args(arguments).envs(vars.clone()).output().unwrap()
    };
    let output = doctor(&[]);
    assert!(text(&output.stdout).contains("--aspire pg"), "{output:?}");
    let output = doctor(&["--aspire", "pg"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_host_that_is_trusted_gets_as_far_as_dns() {
    let vars = shared_azure().vars(LOGIN, ClientType::Other).into_iter();
    let vars: Vec<_> = vars.filter(|(name, _)| name != "PGHOSTADDR").collect();
    let report = |arguments: &[&str]| {
        let mut command = bare_command(&["doctor", "--json", "--deadline", "5"]);
        command.args(arguments).envs(vars.clone()).env("AZURE_POSTGRESQL_HOST", "db.invalid");
        let output = command.output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(report(&[])["kind"], "config.unsafe");
    assert_eq!(report(&["--trust-host", "db.invalid"])["broken"], "dns");
}

#[test]
fn the_deadline_is_kept() {
    let azure = LocalAzure::start_blocking().unwrap();
    azure.identity_service().set_fault(Some(IdentityFault::Silent));
    for subcommand in [&["doctor"][..], &["token"], &["psql"], &["provision", "--role", "x"]] {
        let started = Instant::now();
        let mut command = bare_command(&["--deadline", "1"]);
        command.args(subcommand).envs(azure.vars(LOGIN, ClientType::Python));
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert!(started.elapsed() < Duration::from_secs(8), "{subcommand:?}");
    }
}

#[test]
fn completions_name_each_subcommand() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = bare_command(&["completions", shell]).output().unwrap();
        for name in ["doctor", "psql", "exec", "token", "provision", "local-azure"] {
            assert!(text(&output.stdout).contains(name), "{shell}");
        }
    }
}

#[test]
fn wrong_use_names_what_is_wrong() {
    for (arguments, expected) in [
        (&["docter"][..], "'docter'"),
        (&["doctor", "--jsn"], "'--jsn'"),
        (&[], "Usage: postgres-entra"),
        (&["token", "--deadline"], "--deadline"),
        (&["local-azure", "--deadline", "5"], "--deadline is for the commands that log in"),
        (&["--trust-host", "h", "completions", "bash"], "--trust-host is for"),
        (&["local-azure", "--kind", "password", "--identity", "user"], "--identity"),
    ] {
        let output = bare_command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains(expected), "{output:?}");
    }
}
