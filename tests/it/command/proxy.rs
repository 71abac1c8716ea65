//! `postgres-entra proxy`.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use postgres_entra::emulator::{ClientType, Login};

use crate::support::{
    command::{bare_command, text},
    examples::Running,
    shared_azure, skip_without, vars_with_wrong_secret,
};

const LOGIN: Login = Login::ServicePrincipal;

fn proxy(arguments: &[&str]) -> Command {
    let mut command = bare_command(&["proxy"]);
    command.args(arguments).envs(shared_azure().vars(LOGIN, ClientType::Python));
    command
}

fn has_psql() -> bool {
    let found = Command::new("psql").arg("--version").output().is_ok();
    if !found {
        skip_without("psql (apt-get install postgresql-client)");
    }
    found
}

#[test]
fn a_program_logs_in_by_the_variables_and_by_the_url_and_its_status_is_passed_on() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pg").to_str().unwrap().to_owned();
    let cases: [&[&str]; 3] = [&[], &["--port", "0"], &["--socket", &folder]];
    for arguments in cases {
        let script = "psql -XAtc 'SELECT current_user' && psql -XAtc 'SELECT current_user' \"$DATABASE_URL\"; exit 7";
        let output = proxy(arguments).args(["--", "sh", "-c", script]).output().unwrap();
        assert_eq!(text(&output.stdout), "aad_app\naad_app\n", "{output:?}");
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert_eq!(text(&output.stderr).matches("a session began").count(), 2, "{output:?}");
    }
    assert!(!std::path::Path::new(&folder).exists());
}

#[test]
fn a_program_has_what_leads_to_the_proxy_and_nothing_of_azure() {
    let mut command = proxy(&["--", "env"]);
    command
        .env("PGGSSENCMODE", "prefer")
        .env("PGPASSFILE", "/nonexistent")
        .env("STRIPE_API_KEY", "of the application")
        .env("COLOUR", "blue");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.into(), value.into()));
    let child: BTreeMap<String, String> = text(&output.stdout).lines().filter_map(pair).collect();
    assert_eq!((&*child["PGHOST"], &*child["PGSSLMODE"]), ("127.0.0.1", "disable"));
    assert_eq!((&*child["PGUSER"], &*child["PGDATABASE"]), ("aad_app", "orders"));
    assert_eq!(child["PGPASSWORD"].len(), 32);
    assert_eq!(child["COLOUR"], "blue");
    for gone in [
        "PGGSSENCMODE",
        "PGPASSFILE",
        "PGHOSTADDR",
        "PGSSLROOTCERT",
        "STRIPE_API_KEY",
        "AZURE_POSTGRESQL_CLIENTSECRET",
        "AZURE_POSTGRESQL_CONNECTIONSTRING",
    ] {
        assert!(!child.contains_key(gone), "{gone}");
    }
    assert!(!text(&output.stdout).contains("eyJ"));
}

#[test]
fn without_a_login_no_program_is_started() {
    let mut command = bare_command(&["proxy", "--", "echo", "started"]);
    let output = command.envs(vars_with_wrong_secret(shared_azure())).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("AADSTS7000215"), "{output:?}");
}

#[test]
fn a_program_that_is_not_there_is_127() {
    let output = proxy(&["--", "/nonexistent/program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(127), "{output:?}");
}

#[test]
fn wrong_use_is_named() {
    let cases: [(&[&str], &str); 4] = [
        (&[], "--socket, --port or a command"),
        (&["--allow-uid", "1"], "--socket"),
        (&["--port", "many"], "--port"),
        (&["--max-sessions", "0", "--port", "0"], "--max-sessions"),
    ];
    for (arguments, named) in cases {
        let output = proxy(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains(named), "{output:?}");
    }
}

#[test]
fn a_port_without_a_password_is_refused() {
    let output = proxy(&["--port", "0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("POSTGRES_ENTRA_PROXY_PASSWORD"), "{output:?}");
}

#[test]
fn in_the_foreground_it_says_where_it_listens_and_ends_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pg");
    let mut command = proxy(&["--port", "0", "--drain", "1", "--socket"]);
    command.arg(&folder).env("POSTGRES_ENTRA_PROXY_PASSWORD", "local").stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut socket, mut port) = (String::new(), String::new());
    lines.read_line(&mut socket).unwrap();
    lines.read_line(&mut port).unwrap();
    assert_eq!(
        socket.trim(),
        format!("Programs log in with host={} dbname=orders", folder.display())
    );
    assert!(port.contains("host=127.0.0.1 port="), "{port}");
    assert!(folder.join(".s.PGSQL.5432").exists());
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert!(child.wait().unwrap().success());
    assert!(!folder.exists());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("error"), "{rest}");
}

#[test]
fn a_program_is_told_to_end_and_its_status_is_passed_on() {
    let script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = proxy(&["--", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

/// The program at the other end of the pipe may end before the proxy does.
#[test]
fn it_serves_on_when_nobody_reads_its_log() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pg");
    let mut command = proxy(&["--socket"]);
    let (mut proxy, stderr) = Running::start_and_read_errors(command.arg(&folder));
    BufReader::new(stderr).read_line(&mut String::new()).unwrap();
    let mut psql = Command::new("psql");
    psql.args(["-XAtc", "SELECT current_user", "orders", "anyone"]).env("PGHOST", &folder);
    for _ in 0..2 {
        let output = psql.output().unwrap();
        assert_eq!(text(&output.stdout), "aad_app\n", "{output:?}");
    }
    assert!(proxy.terminate().success());
}
