//! `completions`: for the shell's completion of this command.

use std::{io, process::ExitCode};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{Cli, Outcome};

/// Print completions for a shell, such as `source <(postgres-entra completions bash)`
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut command = Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "postgres-entra", &mut io::stdout());
    Ok(ExitCode::SUCCESS)
}
