//! `proxy`: any program, in any language, logs in with a token without knowing of it.

use std::{ffi::OsString, num::NonZeroU32, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use postgres_entra::{
    Connector, Secret,
    proxy::{Proxy, ProxyBuilder},
};
use tokio::process::Command;

use crate::{
    Outcome, child, log,
    options::Options,
    random,
    supervise::{self, Signals},
};

/// Where the password of the port is, if it is not random.
const PASSWORD: &str = "POSTGRES_ENTRA_PROXY_PASSWORD";

/// Let any program log in, in any language: listens for it, and logs in for it
///
/// Whoever reaches the proxy is the identity. On a socket, that is this user's programs and those of
/// --allow-uid. On a port, it is whoever has the password in POSTGRES_ENTRA_PROXY_PASSWORD.
///
/// With a command, the proxy is that program's alone: it listens on a port that the system chooses, with a
/// random password, starts the program once a first login has worked, with PGHOST, PGPORT, PGUSER,
/// PGPASSWORD, PGDATABASE, PGSSLMODE and DATABASE_URL set and without the identity's secrets, and ends as
/// the program does. Without one, it serves until Ctrl-C. Either way it says on standard error what
/// happens.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Listen on a socket in this folder, which programs take as their host. It is made if it is not there.
    #[cfg(unix)]
    #[arg(long, value_name = "FOLDER")]
    socket: Option<PathBuf>,
    /// Let this user's programs use the socket too. Can be repeated.
    #[cfg(unix)]
    #[arg(long, value_name = "UID", requires = "socket")]
    allow_uid: Vec<u32>,
    /// Listen on this port of 127.0.0.1.
    #[arg(long)]
    port: Option<u16>,
    /// How many sessions may be open at once.
    #[arg(long, value_name = "NUMBER", default_value = "500")]
    max_sessions: NonZeroU32,
    /// How long sessions may go on after Ctrl-C, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    drain: u64,
    /// Let the program have this variable although its name looks like a secret's. Can be repeated.
    #[arg(long, value_name = "VARIABLE")]
    keep: Vec<String>,
    /// The program to run and its arguments.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn run(options: &Options, arguments: &Arguments) -> Outcome {
    if arguments.command.is_empty() && arguments.port.is_none() && !arguments.has_socket() {
        return Ok(crate::wrong_use("proxy", &*Box::from("give it --socket, --port or a command")));
    }
    log::to_standard_error();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(options, arguments));
    runtime.shutdown_background();
    outcome
}

async fn serve(options: &Options, arguments: &Arguments) -> Outcome {
    let mut signals = Signals::listen()?;
    let connector = options.builder().build()?;
    let Some((program, rest)) = arguments.command.split_first() else {
        let proxy = arguments.builder(&connector, password_of_variable()?)?.start().await?;
        say_where(&proxy, connector.settings().database());
        signals.either().await;
        let drain = proxy.shut_down(Duration::from_secs(arguments.drain));
        tokio::select! {
            () = drain => {}
            () = signals.either() => {}
        }
        return Ok(ExitCode::SUCCESS);
    };
    // Says in this program's words why nothing works, before the other one says it in its own.
    tokio::select! {
        client = connector.connect() => drop(client?),
        () = signals.either() => return Ok(child::NOT_PREPARED.into()),
    }
    let password: Secret = random::password()?.into();
    let proxy = arguments.builder(&connector, Some(password.clone()))?.start().await?;
    let mut command = Command::new(program);
    command.args(rest);
    for name in child::secrets_of_login(connector.settings(), options, &arguments.keep) {
        command.env_remove(name);
    }
    lead_to(&proxy, &connector, &password, &mut command);
    supervise::run(command, signals).await
}

impl Arguments {
    fn has_socket(&self) -> bool {
        #[cfg(unix)]
        return self.socket.is_some();
        #[cfg(not(unix))]
        return false;
    }

    /// A proxy that listens where it shall. A port needs a password.
    fn builder(
        &self,
        connector: &Connector,
        password: Option<Secret>,
    ) -> Result<ProxyBuilder, Box<dyn std::error::Error>> {
        let mut builder = Proxy::builder(connector).max_sessions(self.max_sessions);
        #[cfg(unix)]
        if let Some(folder) = &self.socket {
            builder = builder.unix_socket(folder);
            builder = self.allow_uid.iter().copied().fold(builder, ProxyBuilder::allow_uid);
        }
        let port = match self.port {
            None if self.has_socket() => return Ok(builder),
            port => port.unwrap_or(0),
        };
        let password = password.ok_or_else(|| {
            format!("a port asks for a password; set {PASSWORD} to a long random one")
        })?;
        Ok(builder.loopback(port, password))
    }
}

fn password_of_variable() -> Result<Option<Secret>, Box<dyn std::error::Error>> {
    match std::env::var(PASSWORD) {
        Ok(password) => Ok(Some(password.into())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(_) => Err(format!("{PASSWORD} is not Unicode").into()),
    }
}

/// The database too: without one, libpq asks for that of the operating system's user.
fn say_where(proxy: &Proxy, database: Option<&str>) {
    let database = database.map(|name| format!(" dbname={}", quoted(name))).unwrap_or_default();
    if let Some(folder) = proxy.socket_folder() {
        eprintln!("Programs log in with host={}{database}", quoted(&folder.to_string_lossy()));
    }
    if let Some(address) = proxy.address() {
        eprintln!(
            "Programs log in with host={} port={}{database} and the password in {PASSWORD}",
            address.ip(),
            address.port()
        );
    }
}

/// As libpq reads a value.
fn quoted(value: &str) -> String {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c)) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

/// What would lead past the proxy, or ask of it what it does not have: TLS and other authentication.
const CONTRADICTING: &[&str] = &[
    "PGHOSTADDR",
    "PGSSLROOTCERT",
    "PGSSLNEGOTIATION",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLCERTMODE",
    "PGSSLMINPROTOCOLVERSION",
    "PGREQUIRESSL",
    "PGGSSENCMODE",
    "PGCHANNELBINDING",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGPASSFILE",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
];

/// Sets the variables that lead to the proxy: to its port, or to its socket if it has no port.
fn lead_to(proxy: &Proxy, connector: &Connector, password: &Secret, command: &mut Command) {
    for name in CONTRADICTING {
        command.env_remove(name);
    }
    // Any name would do. This one is shown in prompts.
    let user = connector.settings().user().unwrap_or("entra");
    let database = connector.settings().database().unwrap_or(user);
    let (host, port) = match (proxy.address(), proxy.socket_folder()) {
        (Some(address), _) => (address.ip().to_string(), address.port()),
        (None, folder) => (folder.unwrap_or("/".as_ref()).display().to_string(), 5432),
    };
    let url = if proxy.address().is_some() {
        let (user, password) = (encoded(user), encoded(password.expose()));
        let database = encoded(database);
        format!("postgresql://{user}:{password}@{host}:{port}/{database}?sslmode=disable")
    } else {
        format!("postgresql://{}@/{}?host={}", encoded(user), encoded(database), encoded(&host))
    };
    command
        .env("PGHOST", host)
        .env("PGPORT", port.to_string())
        .env("PGUSER", user)
        .env("PGDATABASE", database)
        .env("PGPASSWORD", password.expose())
        .env("PGSSLMODE", "disable")
        .env("DATABASE_URL", url);
}

/// Percent-encodes what stands for something in a URL.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
