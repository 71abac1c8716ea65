//! The driver that makes a login: the settings in its terms, and its errors in ours.

#[cfg(any(feature = "blocking", feature = "diesel"))]
mod blocking;
mod config;
mod error;
mod stream;

use std::{future::Future, net::SocketAddr, time::Duration};

use tokio_postgres::{Client, Config, Connection, Socket, config::SslMode};

pub(crate) use self::stream::ServerAddress;
pub(super) use self::{
    config::driver_config,
    error::{classify, of_cancel},
};
use super::{
    Connector,
    login::Login,
    progress::{ObservedTls, Progress},
    server_role::ServerRole,
};
use crate::{
    config::Host,
    error::{Error, TlsErrorKind},
    tls::{Allowance, TlsStream, why_no_tls},
};

/// What opens sessions. Which address, with which secret, how long and how often is the connector's
/// business, the same for every driver.
pub(crate) trait Driver: Sync {
    /// What a login leads to.
    type Session: Send;

    /// Whether it has TLS of its own, and no use for the connector's.
    const BRINGS_TLS: bool = false;

    /// Logs in once. The caller stops waiting at the attempt's limit.
    fn log_in(
        &self,
        attempt: Attempt<'_>,
    ) -> impl Future<Output = Result<Self::Session, Error>> + Send;
}

/// What one login needs.
pub(crate) struct Attempt<'a> {
    pub(super) connector: &'a Connector,
    pub(super) host: &'a Host,
    pub(super) address: SocketAddr,
    pub(super) login: &'a Login,
    /// For the TCP connection alone, if that has less time than the rest.
    pub(super) tcp_limit: Option<Duration>,
    /// What the server must be, if that matters.
    pub(super) wanted: Option<ServerRole>,
    /// For all of it.
    pub(super) limit: Duration,
    pub(super) progress: &'a Progress,
}

impl Attempt<'_> {
    /// The settings and the login in tokio-postgres' terms, for this address alone. A token is put into
    /// this copy, which lives as long as the login does.
    pub(crate) fn config(&self) -> Config {
        let mut config = self.connector.0.driver_config.clone();
        config
            .host(self.host.name())
            .hostaddr(self.address.ip())
            .port(self.address.port())
            .user(self.login.user())
            .password(self.login.password());
        if let Some(limit) = self.tcp_limit {
            config.connect_timeout(limit);
        }
        config
    }

    /// TLS that reports its progress, and the limit to what it reads, to be lifted after the login.
    pub(crate) async fn tls(&self) -> Result<(ObservedTls, Allowance), Error> {
        let allowance = Allowance::for_login();
        let tls = ObservedTls {
            connector: self.connector.tls().await?,
            progress: self.progress.clone(),
            allowance: allowance.clone(),
            in_clear: self.connector.0.driver_config.get_ssl_mode() == SslMode::Disable,
        };
        Ok((tls, allowance))
    }

    /// Refuses a server that is something else than what is wanted. `role` is asked if it matters.
    pub(crate) async fn check_role(
        &self,
        role: impl Future<Output = Result<ServerRole, Error>>,
    ) -> Result<(), Error> {
        match self.wanted {
            Some(wanted) if role.await? != wanted => Err(wanted.not_found_at(self.host)),
            _ => Ok(()),
        }
    }

    /// Sorts a failure of this login by who has to act.
    pub(crate) fn classify(&self, error: tokio_postgres::Error) -> Error {
        classify(error, self.host, Some(self.login))
    }

    /// The same for a connection that was not made: a server that did not begin TLS is asked why.
    pub(crate) async fn explain(&self, error: tokio_postgres::Error) -> Error {
        match self.classify(error) {
            Error::Tls(error) if error.kind() == TlsErrorKind::NotOffered => {
                why_no_tls(self.host.name(), self.address).await.into()
            }
            error => error,
        }
    }
}

/// A client and the connection that drives it.
pub(crate) type Established = (Client, Connection<Socket, TlsStream>);

/// The driver of [`Connector::connect`].
pub(crate) struct TokioPostgres;

impl Driver for TokioPostgres {
    type Session = Established;

    async fn log_in(&self, attempt: Attempt<'_>) -> Result<Established, Error> {
        let (tls, allowance) = attempt.tls().await?;
        let (client, mut connection) = match attempt.config().connect(tls).await {
            Ok(established) => established,
            Err(error) => return Err(attempt.explain(error).await),
        };
        let role = async {
            let role = ServerRole::of(&client, &mut connection).await;
            role.map_err(|error| attempt.classify(error))
        };
        attempt.check_role(role).await?;
        allowance.lift();
        Ok((client, connection))
    }
}
