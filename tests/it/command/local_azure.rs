//! `postgres-entra local-azure`.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::Output,
};

use crate::support::{
    command::{command, text},
    examples::Running,
};

fn run(arguments: &[&str]) -> Output {
    command(&["local-azure"]).args(arguments).output().unwrap()
}

#[test]
fn a_command_gets_the_variables_and_gives_its_exit_status() {
    let script = "echo $AZURE_POSTGRESQL_CONNECTIONSTRING; test -r $PGSSLROOTCERT && exit 7";
    let output = run(&["--kind", "imds", "--identity", "user", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let stdout = text(&output.stdout);
    assert!(stdout.starts_with("dbname=orders host=contoso-pg.postgres.database.azure.com port="));
    assert!(stdout.trim_end().ends_with("sslmode=require user=aad_user"), "{stdout}");
}

#[test]
fn a_command_needs_no_dashes_before_it() {
    let output =
        run(&["--identity", "user", "sh", "-c", "echo $PGHOSTADDR -- \"$@\"", "sh", "--kind"]);
    assert_eq!(text(&output.stdout), "127.0.0.1 -- --kind\n", "{output:?}");
}

#[test]
fn a_command_that_is_killed_gives_128_and_the_signal() {
    assert_eq!(run(&["--", "sh", "-c", "kill -KILL $$"]).status.code(), Some(137));
}

#[test]
fn a_command_that_does_not_exist_is_one_message() {
    let output = run(&["--", "/nonexistent/command"]);
    assert_eq!(output.status.code(), Some(127));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{output:?}");
    assert!(text(&output.stderr).contains("/nonexistent/command"), "{output:?}");
}

#[test]
fn wrong_arguments_are_named_on_stderr() {
    let cases: [&[&str]; 8] = [
        &["--kind", "arc"],
        &["--identity", "both"],
        &["--kind", "service-principal", "--identity", "user"],
        &["--client", "cobol"],
        &["--token-lifetime", "soon"],
        &["--kind"],
        &["--verbose"],
        &["--token-lifetime", "0"],
    ];
    for arguments in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains("--"), "{arguments:?}");
    }
}

#[test]
fn help_goes_to_stdout() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("Serve a local Azure"));
}

#[test]
fn without_a_server_it_ends_with_one_message() {
    let output =
        command(&["local-azure"]).env("POSTGRES_ENTRA_PG_BIN", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("POSTGRES_ENTRA_PG_BIN"), "{output:?}");
}

#[test]
fn in_the_foreground_it_prints_exports_and_serves_until_it_is_terminated() {
    let mut program = Foreground::start(&["--token-lifetime", "60"]);
    let answer = ask_for_token(&program.vars);
    let seconds = |name: &str| answer[name].as_str().unwrap().parse::<i64>().unwrap();
    // Entra dates tokens back by five minutes.
    assert_eq!(seconds("expires_on") - seconds("not_before"), 60 + 300);

    assert!(program.program.terminate().success());
    assert!(!Path::new(&program.vars["export PGSSLROOTCERT"]).exists());
}

#[test]
fn names_that_a_shell_cannot_export_become_comments() {
    let program = Foreground::start(&["--client", "springBoot"]);
    assert!(program.vars.contains_key("# spring.datasource.url"), "{:?}", program.vars);
    assert!(program.vars.contains_key("export IDENTITY_ENDPOINT"), "{:?}", program.vars);
}

/// The program without a command.
struct Foreground {
    program: Running,
    /// What stands before each `=`, and the quoted value after it.
    vars: BTreeMap<String, String>,
}

impl Foreground {
    fn start(arguments: &[&str]) -> Self {
        let (program, output) = Running::start(command(&["local-azure"]).args(arguments));
        let mut lines = BufReader::new(output).lines();
        let mut vars = BTreeMap::new();
        while !vars.contains_key("export PGSSLROOTCERT") {
            let line = lines.next().unwrap().unwrap();
            let (name, value) = line.split_once('=').unwrap();
            let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            vars.insert(name.to_owned(), value.unwrap().to_owned());
        }
        Self { program, vars }
    }
}

fn ask_for_token(vars: &BTreeMap<String, String>) -> serde_json::Value {
    let endpoint = vars["export IDENTITY_ENDPOINT"].strip_prefix("http://").unwrap();
    let (address, path) = endpoint.split_once('/').unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /{path}?api-version=2019-08-01&resource=https%3A%2F%2Fossrdbms-aad.database.windows.net \
         HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-IDENTITY-HEADER: {}\r\n\r\n",
        vars["export IDENTITY_HEADER"]
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
