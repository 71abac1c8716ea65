//! Programs that this one starts.

use std::{
    env,
    error::Error,
    io,
    process::{Command, ExitCode},
};

use postgres_entra::{LibpqVariables, Settings, settings::Origin};

use crate::{block_on, options::Options};

/// The statuses of programs that run others, as those of coreutils have them
/// ([documentation](https://www.gnu.org/software/coreutils/manual/html_node/env-invocation.html)).
pub(crate) const NOT_PREPARED: u8 = 125;
const NOT_RUNNABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Gives a program on libpq a login of this environment's identity, and takes the application's secrets
/// from it, except for those in variables that are named.
pub(crate) fn log_in(
    command: &mut Command,
    options: &Options,
    keep: &[String],
) -> Result<(), Box<dyn Error>> {
    let connector = options.builder().build()?;
    let variables = block_on(connector.libpq_variables())??;
    for name in secrets_of_login(connector.settings(), options, keep) {
        command.env_remove(name);
    }
    // Not `apply_to`, which would take what is to be kept.
    for name in LibpqVariables::others() {
        command.env_remove(name);
    }
    command.envs(variables.iter());
    Ok(())
}

/// The variables of this process that a program shall not have: its login's parts and what looks like a
/// secret, except for those that are named.
pub(crate) fn secrets_of_login(
    settings: &Settings,
    options: &Options,
    keep: &[String],
) -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    secrets(names, settings, options).filter(|name| !keep.contains(name)).collect()
}

/// Those of these variables that are part of a login or look like a secret.
fn secrets(
    names: impl Iterator<Item = String>,
    settings: &Settings,
    options: &Options,
) -> impl Iterator<Item = String> {
    let read: Vec<String> = settings.origins().filter_map(|(_, origin)| variable(origin)).collect();
    let prefix = format!("{}_", options.names().prefix());
    names.filter(move |name| {
        read.contains(name) || name.starts_with(&prefix) || looks_like_a_secret(name)
    })
}

fn variable(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Variable(name) => Some(name.clone()),
        _ => None,
    }
}

/// What the names of secrets have in them: those of the identity (`AZURE_CLIENT_SECRET`,
/// `IDENTITY_HEADER`, `AZURE_FEDERATED_TOKEN_FILE`), and those of whatever else the application uses.
const MARKS: &[&str] = &[
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "TOKEN",
    "CREDENTIAL",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "ACCOUNT_KEY",
    "CONNECTIONSTRING",
    "CONNECTION_STRING",
    "IDENTITY_HEADER",
    "DATABASE_URL",
    "DATASOURCE_URL",
];

fn looks_like_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // It names a kind of credential.
    name != "AZURE_TOKEN_CREDENTIALS" && MARKS.iter().any(|mark| name.contains(mark))
}

/// Runs the program and ends as it does. On Unix it takes the place of this process, so signals, terminal
/// and exit status are its own.
pub(crate) fn run_in_place(mut command: Command) -> ExitCode {
    // Stated so that Windows looks there first, and not beside this program.
    command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
    match replace(&mut command) {
        Ok(status) => status,
        Err(error) => not_started(&command, &error),
    }
}

#[cfg(unix)]
fn replace(command: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace(command: &mut Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Says which program can't be started and why.
pub(crate) fn not_started(command: &Command, error: &io::Error) -> ExitCode {
    eprintln!("postgres-entra: {} can't be started: {error}", command.get_program().display());
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    ExitCode::from(if is_missing { NOT_FOUND } else { NOT_RUNNABLE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_either_case() {
        for name in [
            "AZURE_CLIENT_SECRET",
            "IDENTITY_HEADER",
            "MSI_SECRET",
            "AZURE_FEDERATED_TOKEN_FILE",
            "PGPASSWORD",
            "DATABASE_URL",
            "spring.datasource.password",
            "STRIPE_API_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "CUSTOMCONNSTR_CONNECTIONSTRING",
        ] {
            assert!(looks_like_a_secret(name), "{name}");
        }
        for name in ["PATH", "HOME", "PGSSLROOTCERT", "AZURE_TOKEN_CREDENTIALS", "LANG", "EDITOR"] {
            assert!(!looks_like_a_secret(name), "{name}");
        }
    }
}
