//! `local-azure`: a local Azure in the foreground, for applications in any language.

use std::{
    error::Error,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use postgres_entra::emulator::{
    ClientType, IdentityFault, LocalAzure, LocalAzureBuilder, Login, Platform,
};
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
    /// The server's name, the first label of its host.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// The name of the application's database.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Set what the Azure SDKs of other languages need in addition: Microsoft Entra ID with TLS, the
    /// authority that signed for it, and the names that they read a client secret from.
    #[arg(long)]
    sdk: bool,
    /// Write the variables of another login to a file too, for `docker run --env-file` and its kin, and
    /// remove it at the end. KIND is one of those of --kind. Can be repeated.
    #[arg(long, value_name = "KIND=FILE", value_parser = env_file)]
    env_file: Vec<(Kind, PathBuf)>,
    /// Begin with an outage: for so many seconds the identity service closes every connection.
    #[arg(long, value_name = "SECONDS")]
    outage: Option<u64>,
    /// Begin throttled: for so many seconds the identity service answers 429 with Retry-After.
    #[arg(long, value_name = "SECONDS", conflicts_with = "outage")]
    throttle: Option<u64>,
    /// Let the roles create tables in the schema public, as an administrator would for migrations.
    #[arg(long)]
    create_tables: bool,
    /// The program to run and its arguments.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// App Service, Functions, Container Apps, with a managed identity.
    AppService,
    /// App Service before 2019, with a managed identity.
    OlderAppService,
    /// A virtual machine or AKS node, with a managed identity.
    Imds,
    /// Container Instances on Windows, with a managed identity.
    ContainerInstances,
    /// A machine connected to Azure Arc, with a managed identity. The folder /var/opt/azcmagent/tokens has to
    /// exist and to be writable: that is where programs look for the agent's challenge files.
    AzureArc,
    /// Azure Machine Learning, with a managed identity.
    MachineLearning,
    /// An application with a client secret.
    ServicePrincipal,
    /// An application of Kubernetes, with a federated token.
    WorkloadIdentity,
    /// The same through the token proxy of an AKS identity binding.
    IdentityBinding,
    /// The person who is signed in to Cloud Shell.
    CloudShell,
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

/// Where the Azure SDKs and this crate look for the challenge files of Azure Arc's agent.
const ARC_TOKENS: &str = "/var/opt/azcmagent/tokens";

/// What the answer to a throttled request asks for, in seconds.
const RETRY_AFTER: u64 = 2;

impl Arguments {
    fn builder(&self) -> LocalAzureBuilder {
        let mut builder = LocalAzure::builder();
        if let Some(name) = &self.server_name {
            builder = builder.server_name(name);
        }
        if let Some(name) = &self.database {
            builder = builder.database(name);
        }
        if let Some(seconds) = self.token_lifetime {
            builder = builder.token_lifetime(Duration::from_secs(seconds));
        }
        if self.create_tables {
            builder = builder.roles_may_create_tables();
        }
        let files = self.env_file.iter().map(|(kind, _)| kind);
        if files.chain([&self.kind]).any(|kind| *kind == Kind::AzureArc) {
            builder = builder.arc_tokens_folder(ARC_TOKENS);
        }
        builder
    }

    fn vars(&self, azure: &LocalAzure, login: Login) -> Vec<(String, String)> {
        if self.sdk {
            azure.vars_for_azure_sdks(login, self.client)
        } else {
            azure.vars(login, self.client)
        }
    }

    /// What the identity service does wrong at first, and for how long.
    fn fault(&self) -> Option<(IdentityFault, Duration)> {
        let outage = self.outage.map(|seconds| (IdentityFault::Outage, seconds));
        let throttled = IdentityFault::retry_after(429, RETRY_AFTER);
        let throttle = self.throttle.map(|seconds| (throttled, seconds));
        outage.or(throttle).map(|(fault, seconds)| (fault, Duration::from_secs(seconds)))
    }

    fn login(&self) -> Result<Login, Box<dyn Error>> {
        let login = self.kind.login(self.identity);
        match (login, self.identity) {
            (Login::SystemAssigned(_) | Login::UserAssigned(_), _) | (_, Identity::System) => {
                Ok(login)
            }
            (_, Identity::User) => {
                Err("--identity goes with the kinds that have managed identities".into())
            }
        }
    }
}

impl Kind {
    /// The login; `identity` says which, where there are two.
    fn login(self, identity: Identity) -> Login {
        let managed = |platform| match identity {
            Identity::System => Login::SystemAssigned(platform),
            Identity::User => Login::UserAssigned(platform),
        };
        match self {
            Self::AppService => managed(Platform::AppService),
            Self::OlderAppService => managed(Platform::OlderAppService),
            Self::Imds => managed(Platform::VirtualMachine),
            Self::ContainerInstances => managed(Platform::ContainerInstances),
            Self::AzureArc => managed(Platform::AzureArc),
            Self::MachineLearning => managed(Platform::MachineLearning),
            Self::ServicePrincipal => Login::ServicePrincipal,
            Self::WorkloadIdentity => Login::WorkloadIdentity,
            Self::IdentityBinding => Login::IdentityBinding,
            Self::CloudShell => Login::CloudShell,
            Self::Password => Login::Password,
            Self::Administrator => Login::Administrator,
        }
    }
}

fn env_file(text: &str) -> Result<(Kind, PathBuf), String> {
    let (kind, file) = text.split_once('=').ok_or("it is KIND=FILE, such as imds=imds.env")?;
    Ok((Kind::from_str(kind, false)?, file.into()))
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
    let azure = tokio::select! {
        azure = arguments.builder().start() => azure?,
        () = signals.either() => return Ok(ExitCode::FAILURE),
    };
    let azure = Arc::new(azure);
    if let Some((fault, duration)) = arguments.fault() {
        azure.identity_service().set_fault(Some(fault));
        let azure = Arc::downgrade(&azure);
        tokio::spawn(async move {
            tokio::time::sleep(duration).await;
            if let Some(azure) = azure.upgrade() {
                azure.identity_service().set_fault(None);
            }
        });
    }
    let _files = EnvFiles::write(arguments, &azure)?;
    let vars = arguments.vars(&azure, login);
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

/// Files that go when this is dropped.
struct EnvFiles(Vec<PathBuf>);

impl EnvFiles {
    fn write(arguments: &Arguments, azure: &LocalAzure) -> Result<Self, Box<dyn Error>> {
        let mut written = Self(Vec::new());
        for (kind, file) in &arguments.env_file {
            let vars = arguments.vars(azure, kind.login(arguments.identity));
            let lines: String =
                vars.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            private_file(file, &lines)
                .map_err(|error| format!("{} can't be written: {error}", file.display()))?;
            written.0.push(file.clone());
        }
        Ok(written)
    }
}

impl Drop for EnvFiles {
    fn drop(&mut self) {
        for file in &self.0 {
            // Somebody else may have removed it.
            let _ = fs::remove_file(file);
        }
    }
}

/// The variables hold secrets, if only of this local Azure. A file that exists is somebody's and stays.
fn private_file(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
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
