//! Tells which link between this environment and its database is broken, and how to mend it.
//!
//! ```sh
//! cargo run --example doctor
//! cargo run --example doctor -- --json
//! ```

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use postgres_entra::{Connector, Report};

const USAGE: &str = "\
Usage: doctor [--json]

  --json   print the report for machines
  --help   show this text

Logs in with what the environment says, and reports on every step.
Ends with 0 if the login works, 1 if not, 2 for wrong arguments.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--json"] => true,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = Connector::builder().diagnose().await;
    if let Err(error) = print(&report, json) {
        eprintln!("doctor: {error}");
        return ExitCode::FAILURE;
    }
    if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)
    } else if out.is_terminal() && !no_color() {
        write!(out, "{}", report.for_terminal().coloured())
    } else {
        write!(out, "{report}")
    }
}

/// <https://no-color.org>
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
