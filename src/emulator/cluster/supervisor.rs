//! The process between us and the server, so that the server never outlives us.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::ChildStdout,
    time::timeout,
};

use super::super::{EmulatorError, lock};
use super::folder::PrivateFolder;
use crate::{
    clock::{Clock, SystemClock},
    environment::Environment,
};

const SCRIPT: &str = include_str!("supervise.sh");

/// Longer than `initdb` takes on a slow and busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long an immediate stop and the removal of the folder may take.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A shell that keeps the server for as long as we hold its standard input.
///
/// The kernel closes that pipe however we end: returning, panicking, `process::exit` or SIGKILL.
pub(crate) struct Supervisor {
    child: std::sync::Mutex<Child>,
    commands: std::sync::Mutex<Option<ChildStdin>>,
    /// A lock that may be held across an await: one start is waited for at a time.
    reports: tokio::sync::Mutex<Lines<BufReader<ChildStdout>>>,
}

impl Supervisor {
    /// Starts the shell, which makes the cluster and starts its server.
    pub(crate) fn spawn(
        programs: &Path,
        folder: &PrivateFolder,
        environment: &Environment,
    ) -> Result<Self, EmulatorError> {
        let start_failed = || EmulatorError::io("start the supervisor of the PostgreSQL server");
        let mut child = command(programs, folder, environment).spawn().map_err(start_failed())?;
        let commands = child.stdin.take();
        let reports = child.stdout.take().ok_or_else(|| io::ErrorKind::BrokenPipe.into());
        let reports = reports.and_then(ChildStdout::from_std).map_err(start_failed())?;
        Ok(Self {
            child: child.into(),
            commands: commands.into(),
            reports: BufReader::new(reports).lines().into(),
        })
    }

    /// Waits until the shell has launched the server; `false` if it could not.
    pub(crate) async fn launched(&self) -> bool {
        let mut reports = self.reports.lock().await;
        let report = timeout(START_LIMIT, reports.next_line()).await;
        matches!(report, Ok(Ok(Some(line))) if line == "started")
    }

    /// Has the server stopped and started again; `false` if it could not be launched.
    pub(crate) async fn restart(&self) -> bool {
        let sent =
            lock(&self.commands).as_mut().is_some_and(|pipe| pipe.write_all(b"restart\n").is_ok());
        sent && self.launched().await
    }

    fn has_ended(&self) -> bool {
        !matches!(lock(&self.child).try_wait(), Ok(None))
    }
}

fn command(programs: &Path, folder: &PrivateFolder, environment: &Environment) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, "local-azure-supervisor"])
        .args([programs, folder.path()])
        .current_dir("/")
        .env_clear()
        .env("PATH", environment.get("PATH").unwrap_or_else(|| "/usr/bin:/bin".to_owned()))
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Out of reach of the terminal's Ctrl-C: it is we who say when the server stops.
        .process_group(0);
    if let Some(account) = folder.account() {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Closes the pipe, upon which the shell stops the server and removes the folder, and waits for that.
impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(lock(&self.commands).take());
        let start = SystemClock.now().monotonic;
        while !self.has_ended() && start.elapsed() < STOP_LIMIT {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
