//! A test of this binary, run again as a process with an environment of its own.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

/// Tells a process that it is a child; its value is the child's part.
const CHILD: &str = "POSTGRES_ENTRA_TEST_CHILD";

/// How long a child may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The part that this process plays as a child; `None` in the parent.
pub fn part() -> Option<String> {
    env::var(CHILD).ok()
}

/// This binary with this test of the module alone, also if that is ignored, and with the parent's
/// environment.
pub fn command(module: &str, test: &str, part: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    let (_binary, module) = module.split_once("::").unwrap();
    let test = format!("{module}::{test}");
    command.args([test.as_str(), "--exact", "--include-ignored", "--nocapture"]).env(CHILD, part);
    command
}

/// The same with no variables but those that are added.
pub fn bare_command(module: &str, test: &str, part: &str) -> Command {
    let mut command = command(module, test, part);
    command.env_clear().env(CHILD, part);
    command
}

/// Runs the child and returns what it printed. Panics unless it ran its test and that passed: a name
/// that is no test's any more runs none, which the exit status takes for a success.
///
/// Dropping the future ends the child.
pub async fn passes(command: Command) -> String {
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.expect("an end").unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && shown.contains("1 passed; 0 failed"), "{shown}");
    shown
}
