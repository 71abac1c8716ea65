//! A local Azure in the foreground, for applications in any language.
//!
//! `local_azure` prints the variables that an application would find in Azure and serves until Ctrl-C.
//! `local_azure -- COMMAND ARGS` runs the command with them and ends with its exit status.

use std::{
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use postgres_entra::emulator::{ClientType, LocalAzure, Login, Platform};
use tokio::{
    process::Command,
    signal::unix::{Signal, SignalKind, signal},
};

const USAGE: &str = "\
Usage: local_azure [OPTIONS] [[--] COMMAND ARGS]

  --kind app-service|imds|service-principal|administrator
                                              where the application runs (app-service); or the
                                              server's Microsoft Entra administrator
  --identity system|user                      which managed identity it has (system)
  --client TYPE                               the form of the variables (python): dotnet, java,
                                              springBoot, python, django, go, nodejs, php, ruby, none
  --token-lifetime SECONDS                    how long tokens live (86400; service principal: 3600)
  --help                                      show this text

Without a command: prints `export` lines and serves until Ctrl-C.
With one: runs it with these variables and ends with its exit status.";

struct Arguments {
    login: Login,
    client: ClientType,
    token_lifetime: Option<Duration>,
    command: Vec<String>,
}

enum Request {
    Help,
    Run(Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Request::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Request::Run(arguments)) => run(arguments).await.unwrap_or_else(|error| {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("local_azure: {error}{cause}");
            ExitCode::FAILURE
        }),
        Err(problem) => {
            eprintln!("local_azure: {problem}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let (mut kind, mut identity) = ("app-service".to_owned(), "system".to_owned());
    let mut client = ClientType::Python;
    let mut token_lifetime = None;
    let mut command = Vec::new();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
        match option.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--kind" => kind = value()?,
            "--identity" => identity = value()?,
            "--client" => client = client_type(&value()?)?,
            "--token-lifetime" => token_lifetime = Some(seconds(&value()?)?),
            "--" => command = arguments.by_ref().collect(),
            // `cargo run --example local_azure -- COMMAND` keeps the dashes for itself.
            _ if !option.starts_with('-') => {
                command = std::iter::once(option.clone()).chain(arguments.by_ref()).collect();
            }
            _ => return Err(format!("unknown option {option}")),
        }
        if option == "--" && command.is_empty() {
            return Err("there is no command after --".to_owned());
        }
    }
    let login = login(&kind, &identity)?;
    Ok(Request::Run(Arguments { login, client, token_lifetime, command }))
}

fn login(kind: &str, identity: &str) -> Result<Login, String> {
    let platform = match kind {
        "app-service" => Some(Platform::AppService),
        "imds" => Some(Platform::VirtualMachine),
        "service-principal" | "administrator" => None,
        _ => {
            let kinds = "app-service, imds, service-principal or administrator";
            return Err(format!("--kind takes {kinds}"));
        }
    };
    match (platform, identity) {
        (None, "system") if kind == "administrator" => Ok(Login::Administrator),
        (Some(platform), "system") => Ok(Login::SystemAssigned(platform)),
        (Some(platform), "user") => Ok(Login::UserAssigned(platform)),
        (None, "system") => Ok(Login::ServicePrincipal),
        (None, "user") => Err("a service principal has no managed identity".to_owned()),
        _ => Err("--identity takes system or user".to_owned()),
    }
}

fn client_type(name: &str) -> Result<ClientType, String> {
    let known = ClientType::ALL.iter().copied().find(|client| client.name() == name);
    known.ok_or_else(|| format!("there is no client type {name}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "--token-lifetime takes seconds".to_owned())
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Before the start, so that a signal meanwhile ends what has been started.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut builder = LocalAzure::builder();
    if let Some(lifetime) = arguments.token_lifetime {
        builder = builder.token_lifetime(lifetime);
    }
    let azure = tokio::select! {
        azure = builder.start() => azure?,
        () = either(&mut interrupt, &mut terminate) => return Ok(ExitCode::FAILURE),
    };
    let vars = azure.vars(arguments.login, arguments.client);
    if let Some((program, rest)) = arguments.command.split_first() {
        let mut command = Command::new(program);
        command.args(rest).envs(vars);
        return supervise(command, interrupt, terminate).await;
    }
    eprintln!("A local Azure serves {} on port {}.", azure.server().host(), azure.server().port());
    eprintln!("Set these variables where the application runs; stop with Ctrl-C.");
    print_exports(&vars)?;
    either(&mut interrupt, &mut terminate).await;
    Ok(ExitCode::SUCCESS)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Waits for the command. Ctrl-C reaches it from the terminal; SIGTERM is passed on to it.
async fn supervise(
    mut command: Command,
    mut interrupt: Signal,
    mut terminate: Signal,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut child = command
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the command can't be run: {error}"))?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_code(status?)),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(id) = child.id() {
                    Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
                }
            }
        }
    }
}

/// What a shell would report: the status, or 128 and the signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
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
