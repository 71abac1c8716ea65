//! Connecting: hosts, deadline, retries, and what to do when a login is refused.

pub(crate) mod attempt;
mod builder;
mod deadline;
mod dial;
mod driver_config;
mod establish;
mod host_guard;
mod libpq_variables;
mod login;
mod login_error;
mod progress;
pub(crate) mod reach;
mod steps;
pub(crate) mod stream;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

pub use builder::ConnectorBuilder;
pub use libpq_variables::LibpqVariables;
use tokio::{
    sync::OnceCell,
    task::{JoinError, JoinHandle},
};
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket};

use self::{
    attempt::{Driver, TokioPostgres},
    login::{Login, LoginMethod},
    progress::Progress,
};
use crate::{
    Environment, Error, Settings, Stage, TlsBackend, TlsError, TlsErrorKind, TlsStream, TokenCache,
    excerpt::Shown,
    tls::{TlsConnector, TlsSetup},
};

/// Connects as the process environment says: the same as `Connector::from_env()?.connect()`.
///
/// For one connection at start-up. Whoever opens more keeps a [`Connector`], which keeps the token
/// and the TLS set-up. Cancel safe, as [`Connector::connect`] is.
///
/// # Errors
///
/// As [`Connector::from_env`] and [`Connector::connect`].
///
/// # Panics
///
/// As [`Connector::connect`].
pub async fn connect() -> Result<Client, Error> {
    Connector::from_env()?.connect().await
}

/// Opens connections to one database as one identity.
///
/// Cloning is cheap, and clones share the token cache and the TLS set-up. Nothing runs in the
/// background until the first connect.
///
/// # Events
///
/// Target `postgres_entra::connect`, level warn, without secrets.
///
/// | message | fields |
/// |---|---|
/// | `connecting failed and is tried again` | `error`, `retry_in_ms` |
/// | `the connection broke` | `error` |
#[derive(Clone)]
pub struct Connector(Arc<Shared>);

struct Shared {
    parts: Parts,
    tls: OnceCell<TlsConnector>,
    management_name: OnceLock<Option<String>>,
}

/// What the builder hands over.
struct Parts {
    settings: Settings,
    driver_config: Config,
    login_method: LoginMethod,
    /// Why this method: one clause without values.
    login_reason: String,
    backend: TlsBackend,
    deadline: Duration,
    /// Tokens of the management API, if they may be asked for the user's name.
    management_tokens: Option<TokenCache>,
}

impl Connector {
    /// A connector for the settings and the identity that the process environment describes.
    ///
    /// Reads variables, and does no I/O. See [`Settings::from_vars`] for the variables and
    /// [`source::detect`](crate::source::detect) for the choice of the token source.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a variable is missing, malformed or unsafe, or if no token source fits this
    /// environment.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// The same, from name and value pairs instead of the process environment.
    ///
    /// # Errors
    ///
    /// As [`Connector::from_env`].
    pub fn from_vars<I, K, V>(vars: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        Self::builder().environment(Environment::from_vars(vars)).build()
    }

    /// A connector with settings, token source, deadline or TLS library of your choice.
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder::new()
    }

    /// Connects and spawns the task that drives the connection.
    ///
    /// The task ends when the client is dropped; if the connection breaks, it logs why at `warn`.
    /// Cancel safe: dropping the future abandons the attempt, and a token request that was under way
    /// goes on for the next caller.
    ///
    /// # Errors
    ///
    /// [`Error::Token`], [`Error::Tls`], [`Error::Rejected`] and [`Error::Connect`] as they say;
    /// transient ones only after retries up to the deadline. [`Error::Timeout`] at the deadline.
    /// [`Error::Config`] if neither settings nor token name the user, or if the file in `sslrootcert`
    /// can't be used.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time and I/O enabled.
    pub async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.connect_parts().await?;
        drive(connection);
        Ok(client)
    }

    /// Connects and returns the connection too, for callers that drive it themselves: to receive
    /// notifications (`LISTEN`), or to hand both to a pool or ORM.
    ///
    /// Nothing happens on the client until the connection is polled. Cancel safe, as
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As [`Connector::connect`].
    ///
    /// # Panics
    ///
    /// As [`Connector::connect`].
    pub async fn connect_parts(&self) -> Result<(Client, Connection<Socket, TlsStream>), Error> {
        self.open(&TokioPostgres).await
    }

    /// A session of whichever driver, by the same rules.
    pub(crate) async fn open<D: Driver>(&self, driver: &D) -> Result<D::Session, Error> {
        let (progress, deadline) = (Progress::new(), self.ends_at());
        self.until(deadline, &progress, self.establish(driver, deadline, &progress)).await
    }

    /// Asks the server to cancel what a client of this connector is executing. The server doesn't say
    /// whether there was anything to cancel.
    ///
    /// Cancel safe: dropping the future gives the request up.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] or [`Error::Connect`] if the request did not reach the server,
    /// [`Error::Timeout`] at the deadline, [`Error::Config`] if the file in `sslrootcert` can't be used.
    ///
    /// # Panics
    ///
    /// As [`Connector::connect`].
    pub async fn cancel_query(&self, token: &CancelToken) -> Result<(), Error> {
        let progress = Progress::new();
        progress.enter(Stage::Tcp);
        let host = self.0.parts.settings.first_host();
        let cancel = async {
            let tls = self.tls().await?;
            let result = token.cancel_query(tls).await;
            result.map_err(|error| login_error::classify(error, host, None))
        };
        self.until(self.ends_at(), &progress, cancel).await
    }

    /// The name and the secret to log in with now, for a driver that keeps both.
    #[cfg(feature = "sqlx")]
    pub(crate) async fn user_and_password(&self) -> Result<(String, crate::Secret), Error> {
        let login = self.current_login().await?;
        Ok((login.user().to_owned(), login.password().into()))
    }

    async fn current_login(&self) -> Result<Login, Error> {
        let progress = Progress::new();
        self.until(self.ends_at(), &progress, self.prepare_login(&progress)).await
    }

    /// The token cache, for sharing, metrics and warm-up; `None` if a password logs in.
    pub fn token_cache(&self) -> Option<&TokenCache> {
        match &self.0.parts.login_method {
            LoginMethod::Tokens(tokens) => Some(tokens),
            LoginMethod::Password(_) => None,
        }
    }

    /// The settings in use.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    fn assemble(parts: Parts) -> Self {
        Self(Arc::new(Shared { parts, tls: OnceCell::new(), management_name: OnceLock::new() }))
    }

    /// The TLS connector, built at the first call on a thread where it may block.
    ///
    /// A task waits for it, and not the caller: a caller that isn't polled must not hold up the others.
    pub(crate) async fn tls(&self) -> Result<TlsConnector, Error> {
        if let Some(connector) = self.0.tls.get() {
            return Ok(connector.clone());
        }
        let connector = self.clone();
        let built = tokio::spawn(async move {
            let tls = connector.0.tls.get_or_try_init(|| connector.build_tls_apart());
            tls.await.cloned()
        });
        built.await.map_err(tls_set_up_ended)?
    }

    async fn build_tls_apart(&self) -> Result<TlsConnector, Error> {
        let connector = self.clone();
        let built = tokio::task::spawn_blocking(move || connector.build_tls());
        built.await.map_err(tls_set_up_ended)?
    }

    fn build_tls(&self) -> Result<TlsConnector, Error> {
        let Parts { settings, backend, .. } = &self.0.parts;
        TlsConnector::build(&TlsSetup {
            backend: *backend,
            root_cert: settings.ssl_root_cert(),
            negotiation: settings.ssl_negotiation(),
        })
    }
}

/// A panic of the TLS library may say anything.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn tls_set_up_ended(error: JoinError) -> TlsError {
    TlsError::new(TlsErrorKind::Setup, None, Some(Shown::of(&error).into()))
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("settings", &self.0.parts.settings)
            .field("login_method", &self.0.parts.login_method)
            .field("backend", &self.0.parts.backend)
            .field("deadline", &self.0.parts.deadline)
            .finish_non_exhaustive()
    }
}

/// Spawns the task that drives the connection until its client is dropped.
pub(crate) fn drive(connection: Connection<Socket, TlsStream>) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(
                target: "postgres_entra::connect",
                error = &Shown::of(&error) as &dyn std::error::Error,
                "the connection broke"
            );
        }
    })
}
