//! Connecting: hosts, deadline, retries, and what to do when a login is refused.

mod attempts;
mod builder;
pub(crate) mod driver;
mod host_guard;
mod libpq_conninfo;
mod libpq_variables;
mod login;
pub(crate) mod lookup;
pub(crate) mod progress;
pub(crate) mod runtime;
pub(crate) mod server_role;
pub(crate) mod servers;

use std::{fmt, sync::Arc, time::Duration};

pub use builder::ConnectorBuilder;
pub use libpq_variables::LibpqVariables;
use tokio::{task::JoinHandle, time::Instant};
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket};

use self::{
    driver::TokioPostgres,
    login::Logins,
    progress::{Progress, ends_at},
    runtime::until,
    servers::Servers,
};
#[cfg(feature = "sqlx")]
use crate::secret::Secret;
use crate::{
    cache::TokenCache,
    config::Settings,
    environment::Environment,
    error::{Error, Stage},
    excerpt::Shown,
    tls::{PreparedTls, TlsBackend, TlsConnector, TlsStream},
};

/// Connects as the process environment says: the same as `Connector::from_env()?.connect()`.
///
/// For one connection at start-up. Whoever opens more keeps a [`Connector`], which keeps the token
/// and the TLS set-up. Cancel safe, as [`Connector::connect`] is.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = postgres_entra::connect().await?;
/// let row = client.query_one("SELECT current_user::text", &[]).await?;
/// println!("logged in as {}", row.get::<_, &str>(0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Connector::from_env`] and [`Connector::connect`].
pub async fn connect() -> Result<Client, Error> {
    Connector::from_env()?.connect().await
}

/// Opens connections to one database as one identity.
///
/// Cloning is cheap, and clones share the token cache and the TLS set-up. Nothing runs in the
/// background until the first connect.
///
/// ```no_run
/// # async fn example() -> Result<(), postgres_entra::Error> {
/// use postgres_entra::Connector;
///
/// let connector = Connector::from_env()?;
/// let orders = connector.connect().await?;
/// let reports = connector.connect().await?; // with the same token, as long as it is valid
/// # Ok(())
/// # }
/// ```
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
    settings: Settings,
    logins: Logins,
    /// Why these logins: one clause without values.
    login_reason: String,
    servers: Servers,
    driver_config: Config,
    tls: PreparedTls,
    backend: TlsBackend,
    deadline: Duration,
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
    /// [`Error::Config`] if neither settings nor token name the user, if the file in `sslrootcert`
    /// can't be used, or outside a tokio runtime with time and I/O enabled.
    pub async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.connect_parts().await?;
        drive(connection);
        Ok(client)
    }

    /// Connects and returns the connection too, for callers that drive it themselves: to receive
    /// notifications (`LISTEN`, as in the example `listen`), or to hand both to a pool or ORM.
    ///
    /// Nothing happens on the client until the connection is polled. Cancel safe, as
    /// [`connect`](Self::connect).
    ///
    /// ```no_run
    /// # async fn example(connector: postgres_entra::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::future::poll_fn;
    /// use tokio_postgres::AsyncMessage;
    ///
    /// let (client, mut connection) = connector.connect_parts().await?;
    /// tokio::spawn(async move {
    ///     while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
    ///         if let AsyncMessage::Notification(order) = message {
    ///             println!("new order: {}", order.payload());
    ///         }
    ///     }
    ///     // The connection has ended: connect and LISTEN again. A server that hangs does not end it; who
    ///     // must know asks one from time to time: `timeout(limit, client.check_connection())`.
    /// });
    /// client.batch_execute("LISTEN orders").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Connector::connect`].
    pub async fn connect_parts(&self) -> Result<(Client, Connection<Socket, TlsStream>), Error> {
        self.open(&TokioPostgres).await
    }

    /// As [`from_env`](Self::from_env), from name and value pairs instead of the process environment.
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
    ///
    /// ```
    /// # fn example() -> Result<(), postgres_entra::Error> {
    /// use std::time::Duration;
    /// use postgres_entra::Connector;
    ///
    /// let connector = Connector::builder()
    ///     .deadline(Duration::from_secs(10))
    ///     .trust_host("orders.db.contoso.example") // a name of one's own for the server
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder::new()
    }

    /// Asks the server to cancel what a client of this connector is executing. The server doesn't say
    /// whether there was anything to cancel.
    ///
    /// Cancel safe: dropping the future gives the request up.
    ///
    /// ```no_run
    /// # async fn example(connector: postgres_entra::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use tokio::time::timeout;
    ///
    /// let client = connector.connect().await?;
    /// let report = client.batch_execute("REFRESH MATERIALIZED VIEW sales");
    /// if timeout(Duration::from_secs(60), report).await.is_err() {
    ///     connector.cancel_query(&client.cancel_token()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] or [`Error::Connect`] if the request did not reach the server,
    /// [`Error::Timeout`] at the deadline, [`Error::Config`] if the file in `sslrootcert` can't be used,
    /// or without a runtime as for [`connect`](Self::connect).
    pub async fn cancel_query(&self, token: &CancelToken) -> Result<(), Error> {
        self.cancel_with(|tls| token.cancel_query(tls)).await
    }

    /// A request to cancel, made with the connector's TLS and within its deadline.
    pub(crate) async fn cancel_with<F>(
        &self,
        cancel: impl FnOnce(TlsConnector) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), tokio_postgres::Error>>,
    {
        let progress = self.progress();
        progress.enter(Stage::Tcp);
        let cancel = async {
            let result = cancel(self.tls().await?).await;
            let host = self.settings().first_host();
            result.map_err(|error| driver::of_cancel(driver::classify(error, host, None)))
        };
        until(progress.deadline(), cancel).await.unwrap_or_else(|| Err(progress.timed_out()))
    }

    /// Fetches a token if need be, and puts the login into the variables of libpq.
    ///
    /// The token may end within seconds, and a program that has logged in with it may stay connected
    /// longer. Give the variables to one child process; don't set them for your own:
    ///
    /// ```no_run
    /// # async fn example(connector: postgres_entra::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut dump = tokio::process::Command::new("pg_dump");
    /// connector.libpq_variables().await?.apply_to(dump.as_std_mut());
    /// let status = dump.arg("--schema-only").status().await?;
    /// # drop(status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// libpq trusts either the file in `sslrootcert` or the system's authorities, not both. `PGSSLMODE`
    /// is `verify-full`, except for a password that the settings send without TLS.
    ///
    /// Cancel safe, as [`connect`](Connector::connect), and with the same deadline.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no valid token, [`Error::Timeout`] at the deadline, and
    /// [`Error::Config`] if neither settings nor token name the user, if libpq's programs would take
    /// the database's name for a connection string, or without a runtime as for [`connect`](Self::connect).
    pub async fn libpq_variables(&self) -> Result<LibpqVariables, Error> {
        let login = self.current_login().await?;
        Ok(LibpqVariables::new(self.settings(), &login)?)
    }

    /// The token cache, for sharing, metrics and warm-up; `None` if a password logs in.
    pub fn token_cache(&self) -> Option<&TokenCache> {
        self.0.logins.tokens()
    }

    /// The settings in use.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Why this token source, or why a password: one clause without values.
    pub(crate) fn login_reason(&self) -> &str {
        &self.0.login_reason
    }

    /// The TLS library of its connections.
    pub(crate) fn tls_backend(&self) -> TlsBackend {
        self.0.backend
    }

    /// The limit for one connect as a whole.
    pub(crate) fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// When a connect that begins now has to be over.
    pub(crate) fn ends_at(&self) -> Instant {
        ends_at(self.deadline())
    }

    fn progress(&self) -> Progress {
        Progress::new(self.deadline(), self.ends_at())
    }

    /// The TLS connector. Cancel safe; nobody waits for a runtime that somebody else has to drive.
    pub(crate) async fn tls(&self) -> Result<TlsConnector, Error> {
        self.0.tls.get().await
    }

    /// The name and the secret to log in with now, for a driver that keeps both.
    #[cfg(feature = "sqlx")]
    pub(crate) async fn user_and_password(&self) -> Result<(String, Secret), Error> {
        let login = self.current_login().await?;
        Ok((login.user().to_owned(), login.password().into()))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("settings", &self.0.settings)
            .field("login_method", &self.0.logins.method())
            .field("backend", &self.0.backend)
            .field("deadline", &self.0.deadline)
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
