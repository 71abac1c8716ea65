//! `local-azure`: a local Azure in the foreground, for applications in any language.

use std::{
    error::Error,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, ValueEnum};
use postgres_entra::emulator::{ClientType, LocalAzure, Login, Platform};
use tokio::process::Command;

use crate::{
    Outcome, block_on,
    supervise::{self, Signals},
};

/// Serve a local Azure: identity endpoints, and a PostgreSQL that checks tokens
///
/// With a command, runs it with the variables that an application finds in Azure, and ends with its exit
/// status. Without one, prints them as lines for a shell and serves until Ctrl-C. Needs PostgreSQL's
/// server programs, and leaves nothing behind.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the application runs and how it logs in.
    #[arg(long, value_enum, default_value_t = Kind::AppService)]
    kind: Kind,
    /// Which managed identity it has.
    #[arg(long, value_enum, default_value_t = Identity::System)]
    identity: Identity,
    /// The form of the variables: Service Connector's client type.
    #[arg(long, value_name = "TYPE", default_value = "python", value_parser = client_type)]
    client: ClientType,
    /// How long tokens live, in seconds. As in Azure unless set: a day, of applications an hour.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    token_lifetime: Option<u64>,
    /// Let the roles create tables in the schema public, as an administrator would for migrations.
    #[arg(long)]
    create_tables: bool,
    /// The program to run and its arguments.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// App Service, Functions, Container Apps, with a managed identity.
    AppService,
    /// A virtual machine or AKS node, with a managed identity.
    Imds,
    /// An application with a client secret.
    ServicePrincipal,
    /// An application of Kubernetes, with a federated token.
    WorkloadIdentity,
    /// A role with a password.
    Password,
    /// The server's Microsoft Entra administrator, with a client secret.
    Administrator,
}

#[derive(Clone, Copy, ValueEnum)]
enum Identity {
    /// The system-assigned one.
    System,
    /// A user-assigned one.
    User,
}

impl Arguments {
    fn login(&self) -> Result<Login, Box<dyn Error>> {
        let managed = |platform| match self.identity {
            Identity::System => Login::SystemAssigned(platform),
            Identity::User => Login::UserAssigned(platform),
        };
        let login = match self.kind {
            Kind::AppService => return Ok(managed(Platform::AppService)),
            Kind::Imds => return Ok(managed(Platform::VirtualMachine)),
            Kind::ServicePrincipal => Login::ServicePrincipal,
            Kind::WorkloadIdentity => Login::WorkloadIdentity,
            Kind::Password => Login::Password,
            Kind::Administrator => Login::Administrator,
        };
        match self.identity {
            Identity::System => Ok(login),
            Identity::User => Err("--identity goes with --kind app-service and imds".into()),
        }
    }
}

fn client_type(name: &str) -> Result<ClientType, String> {
    let known = ClientType::ALL.iter().find(|client| client.name() == name);
    let names = || ClientType::ALL.iter().map(|client| client.name()).collect::<Vec<_>>();
    known.copied().ok_or_else(|| format!("the client types are {}", names().join(", ")))
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let login = match arguments.login() {
        Ok(login) => login,
        Err(problem) => return Ok(crate::wrong_use("local-azure", &*problem)),
    };
    block_on(serve(arguments, login))?
}

async fn serve(arguments: &Arguments, login: Login) -> Outcome {
    // Before the start, so that a signal meanwhile ends what has been started.
    let mut signals = Signals::listen()?;
    let mut builder = LocalAzure::builder();
    if let Some(seconds) = arguments.token_lifetime {
        builder = builder.token_lifetime(Duration::from_secs(seconds));
    }
    if arguments.create_tables {
        builder = builder.roles_may_create_tables();
    }
    let azure = tokio::select! {
        azure = builder.start() => azure?,
        () = signals.either() => return Ok(ExitCode::FAILURE),
    };
    let vars = azure.vars(login, arguments.client);
    if let Some((program, rest)) = arguments.command.split_first() {
        let mut command = Command::new(program);
        command.args(rest).envs(vars);
        return supervise::run(command, signals).await;
    }
    eprintln!("A local Azure serves {} on port {}.", azure.server().host(), azure.server().port());
    eprintln!("Set these variables where the application runs; stop with Ctrl-C.");
    print_exports(&vars)?;
    signals.either().await;
    Ok(ExitCode::SUCCESS)
}

/// Lines for a shell. A name with a dot can't be exported, so it becomes a comment.
fn print_exports(vars: &[(String, String)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, value) in vars {
        let export = if name.contains(['.', '-']) { "# " } else { "export " };
        writeln!(out, "{export}{name}={}", shell_quoted(value))?;
    }
    out.flush()
}

fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
