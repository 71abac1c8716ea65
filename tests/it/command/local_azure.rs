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

#[test]
fn other_logins_get_files_that_go_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (imds, password) = (file("imds.env"), file("password.env"));
    let arguments = [
        &format!("--env-file=imds={imds}"),
        &format!("--env-file=password={password}"),
        "--server-name=fabrikam",
        "--database=stock",
    ];
    let script = format!("cat {imds} {password}; stat -c %a {imds}");
    let output = command(&["local-azure"])
        .args(arguments)
        .args(["--", "sh", "-c", &script])
        .output()
        .unwrap();
    let stdout = text(&output.stdout);
    assert!(stdout.contains("AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:"), "{output:?}");
    assert!(stdout.contains("user=pgappuser password="), "{stdout}");
    assert!(stdout.contains("dbname=stock host=fabrikam.postgres.database.azure.com"), "{stdout}");
    assert!(stdout.trim_end().ends_with("600"), "{stdout}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    std::fs::write(&imds, "precious").unwrap();
    let output = run(&["--env-file", &format!("imds={imds}"), "--", "true"]);
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    assert_eq!(std::fs::read_to_string(&imds).unwrap(), "precious");
}

#[test]
fn an_outage_at_the_start_is_over_after_its_time() {
    let output = run(&[
        "--kind",
        "service-principal",
        "--outage",
        "1",
        "--",
        "sh",
        "-c",
        "curl -s -o /dev/null $AZURE_AUTHORITY_HOST; echo $?; sleep 1.5; curl -s -o /dev/null $AZURE_AUTHORITY_HOST; echo $?",
    ]);
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    if lines == ["127", "127"] {
        return crate::support::skip_without("curl");
    }
    assert!(lines[0] != "0" && lines[1] == "0", "{output:?}");
}

#[test]
fn the_variables_for_azure_sdks_have_a_base_with_tls() {
    let output = run(&["--kind", "service-principal", "--sdk", "--", "env"]);
    let stdout = text(&output.stdout);
    for part in
        ["AZURE_AUTHORITY_HOST=https://127.0.0.1:", "AZURE_CLIENT_SECRET=", "SSL_CERT_FILE=/"]
    {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
}
