//! One login at one address, and the driver that makes it.

use std::{future::Future, net::SocketAddr};

use tokio_postgres::{Client, Config, Connection, Socket};

use super::{
    Connector,
    login::Login,
    login_error,
    progress::{ObservedTls, Progress},
};
use crate::{
    Error,
    config::Host,
    tls::{Allowance, TlsStream},
};

/// What opens sessions. Which address, with which secret, how long and how often is the connector's
/// business, the same for every driver.
pub(crate) trait Driver: Sync {
    /// What a login leads to.
    type Session: Send;

    /// Makes what all logins share. By default that is the connector's TLS set-up.
    fn prepare(&self, connector: &Connector) -> impl Future<Output = Result<(), Error>> + Send {
        async { connector.tls().await.map(drop) }
    }

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
    pub(super) progress: &'a Progress,
}

impl Attempt<'_> {
    /// The settings and the login in tokio-postgres' terms, for this address alone.
    pub(crate) fn config(&self) -> Config {
        let mut config = self.connector.0.parts.driver_config.clone();
        config
            .host(self.host.name())
            .hostaddr(self.address.ip())
            .port(self.address.port())
            .user(self.login.user())
            .password(self.login.password());
        config
    }

    /// TLS that reports its progress, and the limit to what it reads, to be lifted after the login.
    pub(crate) async fn tls(&self) -> Result<(ObservedTls, Allowance), Error> {
        let allowance = Allowance::for_login();
        let tls = self.connector.tls().await?;
        Ok((ObservedTls::new(tls, self.progress.clone(), allowance.clone()), allowance))
    }

    /// Sorts a failure of this login by who has to act.
    pub(crate) fn classify(&self, error: tokio_postgres::Error) -> Error {
        login_error::classify(error, self.host, Some(self.login))
    }
}

/// A client and the connection that drives it.
pub(super) type Established = (Client, Connection<Socket, TlsStream>);

/// The driver of [`Connector::connect`].
pub(super) struct TokioPostgres;

impl Driver for TokioPostgres {
    type Session = Established;

    async fn log_in(&self, attempt: Attempt<'_>) -> Result<Established, Error> {
        let (tls, allowance) = attempt.tls().await?;
        let established = attempt.config().connect(tls).await;
        let established = established.map_err(|error| attempt.classify(error))?;
        allowance.lift();
        Ok(established)
    }
}
