//! The command `postgres-entra`.

use std::{env, process::Command};

/// The command with these arguments, and with the variables of this process.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postgres-entra"));
    command.args(arguments);
    command
}

/// The same without the variables of this process but for the search path.
pub fn bare_command(arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
