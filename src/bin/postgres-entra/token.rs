//! `token`: the access token, for programs that ask a command for a password.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;

use crate::{Outcome, block_on, options::Options};

/// Print the access token that logs in as this environment's identity
///
/// For programs that ask a command for the password. It is a credential until it ends: whoever has it can
/// log in.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Print what the token says of itself, as JSON, and not the token.
    #[arg(long)]
    claims: bool,
}

pub(crate) fn run(options: &Options, arguments: &Arguments) -> Outcome {
    let connector = options.builder().build()?;
    let tokens = connector.token_cache().ok_or(
        "the settings hold a password, so nobody logs in with a token; unset the password's variable \
         to log in as an identity",
    )?;
    let token = block_on(async { tokio::time::timeout(options.deadline(), tokens.token()).await })?
        .map_err(|_| "there was no token before the deadline; run `postgres-entra doctor`")??;
    let mut out = io::stdout().lock();
    if arguments.claims {
        serde_json::to_writer_pretty(&mut out, &token.claims()?)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", token.secret())?;
    }
    Ok(ExitCode::SUCCESS)
}
