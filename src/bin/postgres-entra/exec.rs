//! `exec`: any program on libpq, as this environment's identity.

use std::{ffi::OsString, process::Command};

use clap::Args;

use crate::{Outcome, child, options::Options};

/// Run a program that uses libpq, such as pg_dump, as this environment's identity
///
/// The program gets PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE and the token in PGPASSWORD, for a login
/// within the next minutes. It doesn't get the application's secrets: the variables that the login was
/// read from, and those whose name says password, secret, token, key or credential. Ends with the
/// program's exit status.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Let the program have this variable although its name looks like a secret's. Can be repeated.
    #[arg(long, value_name = "VARIABLE")]
    keep: Vec<String>,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn run(options: &Options, arguments: &Arguments) -> Outcome {
    let (program, rest) = arguments.command.split_first().ok_or("there is no command")?;
    let mut command = Command::new(program);
    command.args(rest);
    child::log_in(&mut command, options, &arguments.keep)?;
    Ok(child::run_in_place(command))
}
