//! `psql`: the real one, as this environment's identity.

use std::{ffi::OsString, process::Command};

use clap::{ArgAction, Args};

use crate::{Outcome, child, options::Options};

/// Start psql, logged in as this environment's identity
///
/// Everything after `psql` is for psql, except for the options below. The token is in its environment
/// alone (PGPASSWORD), for a login within the next minutes; secrets of the application are not. Ends with
/// psql's exit status.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Show this text. That of psql: `psql -- --help`.
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// What psql is to do, such as `-c 'SELECT version()'`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PSQL ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(options: &Options, arguments: &Arguments) -> Outcome {
    let mut psql = Command::new("psql");
    psql.args(&arguments.arguments);
    child::log_in(&mut psql, options, &[])?;
    Ok(child::run_in_place(psql))
}
