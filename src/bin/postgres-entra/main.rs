//! Logs in to Azure Database for PostgreSQL with Microsoft Entra ID: the library as a command.
//!
//! One file a subcommand. Each uses the library's public API alone.

mod child;
mod completions;
mod doctor;
mod exec;
#[cfg(all(feature = "emulator", unix))]
mod local_azure;
mod log;
mod options;
mod provision;
mod proxy;
mod psql;
mod random;
mod supervise;
mod terminal;
mod token;

use std::{error::Error, io, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};

use self::options::Options;

/// What a subcommand ends with: a status of its own, or an error.
type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Log in to Azure Database for PostgreSQL with Microsoft Entra ID.
///
/// Server, role and identity are read from the variables that Azure Service Connector sets, from
/// DATABASE_URL or from libpq's variables (PGHOST, ...). No password is needed: the identity's token is it.
#[derive(Parser)]
#[command(name = "postgres-entra", version, disable_help_subcommand = true, after_help = STATUSES)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

const STATUSES: &str = "\
Exit status:
  0        done
  1        failed: standard error says what and what to do about it
  2        wrong arguments
  125      nothing was run, since the login could not be prepared (where a program is run)
  126      the program can't be run
  127      there is no such program
  others   those of the program that was run; 128 and the signal that ended it";

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::Arguments),
    Psql(psql::Arguments),
    Exec(exec::Arguments),
    Token(token::Arguments),
    Provision(provision::Arguments),
    Proxy(proxy::Arguments),
    #[cfg(all(feature = "emulator", unix))]
    LocalAzure(local_azure::Arguments),
    Completions(completions::Arguments),
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Doctor(_) => "doctor",
            Self::Psql(_) => "psql",
            Self::Exec(_) => "exec",
            Self::Token(_) => "token",
            Self::Provision(_) => "provision",
            Self::Proxy(_) => "proxy",
            #[cfg(all(feature = "emulator", unix))]
            Self::LocalAzure(_) => "local-azure",
            Self::Completions(_) => "completions",
        }
    }

    /// The status if it fails itself: one that none of the programs that it runs has.
    fn status_of_failure(&self) -> ExitCode {
        match self {
            Self::Psql(_) | Self::Exec(_) | Self::Proxy(_) => child::NOT_PREPARED.into(),
            #[cfg(all(feature = "emulator", unix))]
            Self::LocalAzure(_) => child::NOT_PREPARED.into(),
            _ => ExitCode::FAILURE,
        }
    }

    fn logs_in(&self) -> bool {
        match self {
            #[cfg(all(feature = "emulator", unix))]
            Self::LocalAzure(_) => false,
            Self::Completions(_) => false,
            _ => true,
        }
    }

    fn run(&self, options: &Options) -> Outcome {
        match self {
            Self::Doctor(arguments) => doctor::run(options, arguments),
            Self::Psql(arguments) => psql::run(options, arguments),
            Self::Exec(arguments) => exec::run(options, arguments),
            Self::Token(arguments) => token::run(options, arguments),
            Self::Provision(arguments) => provision::run(options, arguments),
            Self::Proxy(arguments) => proxy::run(options, arguments),
            #[cfg(all(feature = "emulator", unix))]
            Self::LocalAzure(arguments) => local_azure::run(arguments),
            Self::Completions(arguments) => completions::run(arguments),
        }
    }
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let Cli { options, command } =
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if !command.logs_in()
        && let Some(option) = options::stated(&matches)
    {
        refuse(option, &command);
    }
    command.run(&options).unwrap_or_else(|error| {
        if !is_end_of_reader(&*error) {
            report(command.name(), &*error);
        }
        command.status_of_failure()
    })
}

/// An option that would have no effect.
fn refuse(option: &str, command: &Command) -> ! {
    let name = command.name();
    let problem = format!("--{option} is for the commands that log in, and {name} does not");
    Cli::command().error(ErrorKind::ArgumentConflict, problem).exit()
}

/// Whether the program that reads our output has seen enough, as `head` does. There is nothing to tell.
fn is_end_of_reader(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error and its causes, a line each. A cause that its effect has quoted is not repeated.
fn report(command: &str, error: &dyn Error) {
    let mut shown = error.to_string();
    eprintln!("postgres-entra {command}: {shown}");
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let text = cause.to_string();
        if !shown.contains(&text) {
            eprintln!("  caused by: {text}");
        }
        shown = text;
    }
}

/// What wrong arguments end with where they are found after parsing.
fn wrong_use(command: &str, problem: &dyn Error) -> ExitCode {
    report(command, problem);
    ExitCode::from(2)
}

/// Runs the future on a runtime of its own. Threads that wait for a file that never answers don't hold
/// the end up.
fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}
