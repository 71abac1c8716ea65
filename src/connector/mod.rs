//! Connecting: hosts, deadline, retries, and what to do when a login is refused.

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
mod steps;

use std::{fmt, sync::Arc, time::Duration};

pub use builder::ConnectorBuilder;
pub use libpq_variables::LibpqVariables;
use tokio::{sync::OnceCell, task::JoinHandle};
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket};

use self::{login::Credential, progress::Progress};
use crate::{
    Environment, Error, Settings, Stage, TlsBackend, TlsError, TlsErrorKind, TlsStream, TokenCache,
    tls::{TlsConnector, TlsSetup},
};

/// Connects as the process environment says: the same as `Connector::from_env()?.connect()`.
///
/// For one connection at start-up. Whoever opens more keeps a [`Connector`], which keeps the token
/// and the TLS set-up.
///
/// # Errors
///
/// See [`Connector::connect`].
pub async fn connect() -> Result<Client, Error> {
    Connector::from_env()?.connect().await
}

/// Opens connections to one database as one identity.
///
/// Cloning is cheap, and clones share the token cache and the TLS set-up. Nothing runs in the
/// background until the first connect.
#[derive(Clone)]
pub struct Connector(Arc<Shared>);

struct Shared {
    parts: Parts,
    tls: OnceCell<TlsConnector>,
    management_name: OnceCell<Option<String>>,
}

/// What the builder hands over.
struct Parts {
    settings: Settings,
    driver_config: Config,
    credential: Credential,
    /// Why this credential: one clause without values.
    credential_reason: String,
    backend: TlsBackend,
    deadline: Duration,
    management_scope: Option<&'static str>,
}

impl Connector {
    /// A connector for the settings and the identity that the process environment describes.
    ///
    /// Reads variables, and does no I/O. See [`Settings::from_vars`] for the variables and
    /// [`source::detect`](crate::source::detect) for the choice of the token source.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a variable is missing, malformed or unsafe; [`Error::Token`] if no token
    /// source fits this environment.
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
    /// [`Error::Config`] if neither settings nor token name the user.
    pub async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.connect_parts().await?;
        drive(connection);
        Ok(client)
    }

    /// Connects and returns the connection too, for callers that drive it themselves: to receive
    /// notifications (`LISTEN`), or to hand both to a pool or ORM.
    ///
    /// Nothing happens on the client until the connection is polled.
    ///
    /// # Errors
    ///
    /// As [`Connector::connect`].
    pub async fn connect_parts(&self) -> Result<(Client, Connection<Socket, TlsStream>), Error> {
        let (progress, deadline) = (Progress::new(), self.ends_at());
        self.until(deadline, &progress, self.establish(deadline, &progress)).await
    }

    /// Asks the server to cancel what a client of this connector is executing.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] or [`Error::Connect`] if the request did not reach the server, and
    /// [`Error::Timeout`] at the deadline. The server doesn't say whether there was anything to cancel.
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
        let progress = Progress::new();
        let login = self.until(self.ends_at(), &progress, self.login(&progress)).await?;
        Ok((login.user().to_owned(), login.password().into()))
    }

    /// The token cache, for sharing, metrics and warm-up; `None` if a password logs in.
    pub fn token_cache(&self) -> Option<&TokenCache> {
        match &self.0.parts.credential {
            Credential::Tokens(tokens) => Some(tokens),
            Credential::Password(_) => None,
        }
    }

    /// The settings in use.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    fn assemble(parts: Parts) -> Self {
        Self(Arc::new(Shared { parts, tls: OnceCell::new(), management_name: OnceCell::new() }))
    }

    /// The TLS connector, built at the first call on a thread where it may block.
    pub(crate) async fn tls(&self) -> Result<TlsConnector, Error> {
        let connector = self.0.tls.get_or_try_init(|| async {
            let connector = self.clone();
            tokio::task::spawn_blocking(move || connector.build_tls())
                .await
                .map_err(|error| TlsError::new(TlsErrorKind::Setup, None, Some(error.into())))?
        });
        connector.await.cloned()
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

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("settings", &self.0.parts.settings)
            .field("credential", &self.0.parts.credential)
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
                error = &error as &dyn std::error::Error,
                "the connection broke"
            );
        }
    })
}
