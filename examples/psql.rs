//! Starts `psql` as the identity that this environment describes, with its token as the password.
//!
//! ```sh
//! cargo run --example psql -- -c 'SELECT version()'
//! ```

use std::{
    error::Error,
    io::{self, Write},
    process::{Command, ExitCode},
};

use postgres_entra::{Connector, LibpqVariables};

const USAGE: &str = "\
Usage: psql [PSQL OPTIONS]
       psql --print-env

Starts psql with the settings of this environment. The token is in PGPASSWORD,
never on the command line or on the screen. Ends with psql's exit status.

  --print-env   print lines for a shell instead: they hold the token";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let only = (arguments.len() == 1).then(|| arguments[0].to_str()).flatten();
    let result = match only {
        Some("--help") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some("--print-env") => variables().and_then(|vars| print_exports(&vars)),
        _ => variables().and_then(|vars| {
            let mut psql = Command::new("psql");
            // Stated so that Windows looks there first, and not beside this program of the same name.
            psql.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
            vars.apply_to(&mut psql);
            run(psql.args(arguments))
        }),
    };
    result.unwrap_or_else(|error| {
        eprintln!("psql: {error}");
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        causes.for_each(|cause| eprintln!("  caused by: {cause}"));
        ExitCode::FAILURE
    })
}

#[tokio::main(flavor = "current_thread")]
async fn variables() -> Result<LibpqVariables, Box<dyn Error>> {
    Ok(Connector::from_env()?.libpq_variables().await?)
}

/// On Unix psql takes the place of this process, so signals, terminal and exit status are its own.
#[cfg(unix)]
fn run(psql: &mut Command) -> Result<ExitCode, Box<dyn Error>> {
    use std::os::unix::process::CommandExt;
    Err(format!("psql can't be started: {}", psql.exec()).into())
}

#[cfg(not(unix))]
fn run(psql: &mut Command) -> Result<ExitCode, Box<dyn Error>> {
    let status = psql.status().map_err(|error| format!("psql can't be started: {error}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn print_exports(vars: &LibpqVariables) -> Result<ExitCode, Box<dyn Error>> {
    eprintln!("warning: PGPASSWORD is a credential: whoever reads these lines can log in with it");
    let mut out = io::stdout().lock();
    for name in LibpqVariables::others() {
        writeln!(out, "unset {name}")?;
    }
    for (name, value) in vars.iter() {
        writeln!(out, "export {name}={}", shell_quoted(value))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
