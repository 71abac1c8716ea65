//! Nothing outlives its owner.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use postgres_entra::{
    Environment,
    emulator::{ClientType, EmulatorError, LocalAzure, Login},
};

use super::support::*;
use crate::support::child;

/// What an instance has on the machine: its folder, and the process id of its server.
#[derive(Debug)]
struct Traces {
    folder: PathBuf,
    server: String,
}

impl Traces {
    fn of(azure: &LocalAzure) -> Self {
        Self::in_folder(azure.server().socket_dir())
    }

    fn in_folder(folder: &Path) -> Self {
        let lock_file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        Self { folder: folder.to_owned(), server: lock_file.lines().next().unwrap().to_owned() }
    }

    fn are_there(&self) -> (bool, bool) {
        let probe = Command::new("kill").args(["-0", &self.server]).stderr(Stdio::null()).status();
        (self.folder.exists(), probe.unwrap().success())
    }

    /// Waits for the end of what is stopped from outside.
    fn assert_vanish(&self) {
        wait_until("neither folder nor process", || self.are_there() == (false, false));
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn dropping_it_stops_the_server_and_removes_the_folder() {
    let azure = LocalAzure::start_blocking().unwrap();
    let traces = Traces::of(&azure);
    let identity_service = azure.identity_service().base_url().replace("http://", "");
    let server = azure.server().address();
    assert_eq!(traces.are_there(), (true, true));
    drop(azure);
    assert_eq!(traces.are_there(), (false, false));
    assert!(std::net::TcpStream::connect(identity_service).is_err());
    assert!(std::net::TcpStream::connect(server).is_err());
}

#[tokio::test(start_paused = true)]
async fn it_starts_serves_and_stops_under_a_paused_clock() {
    let start = tokio::time::timeout(Duration::from_secs(30), LocalAzure::start());
    let azure = start.await.expect("a clock that waits").unwrap();
    azure.server().execute("SELECT 1").await.unwrap();
    let traces = Traces::of(&azure);
    drop(azure);
    assert_eq!(traces.are_there(), (false, false));
}

#[test]
fn a_panic_of_its_owner_leaves_nothing_behind() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let owner = thread::spawn(move || {
        let azure = LocalAzure::start_blocking().unwrap();
        sender.send(Traces::of(&azure)).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(owner.join().is_err());
    assert_eq!(receiver.recv().unwrap().are_there(), (false, false));
}

/// As a terminal or a service manager sends them to all processes.
#[test]
fn signals_to_the_supervisor_neither_stop_the_server_nor_orphan_it() {
    let azure = LocalAzure::start_blocking().unwrap();
    let traces = Traces::of(&azure);
    let supervisor = Command::new("ps").args(["-o", "ppid=", "-p", &traces.server]).output();
    let supervisor = String::from_utf8(supervisor.unwrap().stdout).unwrap();
    for signal in ["-HUP", "-INT", "-TERM"] {
        let status = Command::new("kill").args([signal, supervisor.trim()]).status();
        assert!(status.unwrap().success(), "{signal} {supervisor}");
    }
    assert_eq!(traces.are_there(), (true, true));
    drop(azure);
    assert_eq!(traces.are_there(), (false, false));
}

#[test]
fn a_killed_owner_leaves_nothing_behind() {
    let (mut owner, traces) = owner_process();
    owner.kill().unwrap();
    owner.wait().unwrap();
    traces.assert_vanish();
}

#[test]
fn an_owner_that_exits_without_dropping_leaves_nothing_behind() {
    let (mut owner, traces) = owner_process();
    owner.stdin.take().unwrap().write_all(b"exit\n").unwrap();
    assert_eq!(owner.wait().unwrap().code(), Some(3));
    traces.assert_vanish();
}

#[test]
fn an_owner_that_is_killed_while_starting_leaves_nothing_behind() {
    let parent = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut owner = owner_command().env("TMPDIR", parent.path()).spawn().unwrap();
    let entries = || fs::read_dir(parent.path()).unwrap().flatten().map(|entry| entry.path());
    wait_until("a folder", || entries().any(|folder| folder.join("server.log").exists()));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("nothing", || entries().next().is_none());
}

/// This test binary again, running only [`own_a_local_azure`].
fn owner_command() -> Command {
    let mut command = child::command(module_path!(), "own_a_local_azure", "owner");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn owner_process() -> (Child, Traces) {
    let mut owner = owner_command().spawn().unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let folder = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("folder=").map(|(_, folder)| PathBuf::from(folder)));
    let traces = Traces::in_folder(&folder.expect("a local Azure in the other process"));
    assert_eq!(traces.are_there(), (true, true));
    (owner, traces)
}

#[test]
#[ignore = "run in a process of its own by the tests above"]
fn own_a_local_azure() {
    if child::part().is_none() {
        return;
    }
    static AZURE: OnceLock<LocalAzure> = OnceLock::new();
    let azure = AZURE.get_or_init(|| LocalAzure::start_blocking().unwrap());
    println!("folder={}", azure.server().socket_dir().display());
    let mut command = String::new();
    std::io::stdin().read_line(&mut command).unwrap();
    std::process::exit(3);
}

#[test]
fn a_folder_without_server_programs_is_an_error_that_names_the_variable() {
    let environment = Environment::from_vars([("POSTGRES_ENTRA_PG_BIN", "/nonexistent")]);
    let error = LocalAzure::builder().environment(environment).start_blocking().unwrap_err();
    assert!(matches!(error, EmulatorError::Setting { .. }), "{error:?}");
    assert!(error.to_string().starts_with("POSTGRES_ENTRA_PG_BIN: "), "{error}");
}

#[test]
fn a_machine_without_another_thread_is_an_error_and_no_panic() {
    let no_machine_has_this_much_memory = 1 << 60;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .thread_stack_size(no_machine_has_this_much_memory)
        .build()
        .unwrap();
    let error = runtime.block_on(LocalAzure::start()).unwrap_err();
    assert!(matches!(error, EmulatorError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("start a thread"), "{error}");
}

#[test]
fn names_that_would_need_quoting_are_refused() {
    for name in ["", "a b", "x'y", "a;b"] {
        for builder in
            [LocalAzure::builder().server_name(name), LocalAzure::builder().database(name)]
        {
            let error = builder.start_blocking().unwrap_err();
            assert!(matches!(error, EmulatorError::Setting { .. }), "{error:?}");
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let azure = azure();
    let text = format!("{azure:?}");
    let secrets = [
        azure.server().role_password().to_owned(),
        vars(azure, Login::ServicePrincipal, ClientType::Python)
            .remove("AZURE_POSTGRESQL_CLIENTSECRET")
            .unwrap(),
        vars(azure, Login::ALL[0], ClientType::Python).remove("IDENTITY_HEADER").unwrap(),
    ];
    for secret in secrets {
        assert!(!text.contains(&secret), "{text}");
    }
}
