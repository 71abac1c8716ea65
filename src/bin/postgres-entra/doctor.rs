//! `doctor`: which link between this environment and its database is broken.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use postgres_entra::Report;

use crate::{Outcome, block_on, options::Options, terminal};

/// Find the broken link between here and the database, and the fix
///
/// Tries every step of a login with what this environment says: settings, identity, token, DNS, TCP, TLS,
/// login and a query. Shows where each setting is from, and no secret. Ends with 0 if the login works and
/// with 1 if not.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Print the report as JSON, for programs.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, arguments: &Arguments) -> Outcome {
    let report = block_on(options.builder().diagnose())?;
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_json(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout();
    let mut shown = report.for_terminal();
    if let Some(columns) = terminal::columns(&out) {
        shown = shown.wrapped(columns);
    }
    if terminal::has_colours(&out) {
        shown = shown.coloured();
    }
    write!(out, "{shown}")
}
