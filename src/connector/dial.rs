//! One pass over the servers, address by address.

use std::{io, net::SocketAddr, time::Duration};

use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Config, Connection, Socket};

use super::{
    login::Login,
    login_error,
    progress::{ObservedTls, Progress},
};
use crate::{
    ConfigError, ConfigErrorKind, ConnectError, Error, Host, Stage,
    clock::{Clock, SystemClock},
    random,
    tls::{Allowance, TlsConnector, TlsStream},
};

/// A client and the connection that drives it.
pub(super) type Established = (Client, Connection<Socket, TlsStream>);

/// What one pass over the servers needs.
pub(super) struct Dial<'a> {
    pub(super) hosts: &'a [Host],
    pub(super) random_order: bool,
    pub(super) config: &'a Config,
    pub(super) tls: TlsConnector,
    pub(super) login: &'a Login,
    /// The limit for one address, if the settings have one.
    pub(super) limit: Option<Duration>,
    /// When the whole connect has to be over.
    pub(super) deadline: Instant,
    pub(super) progress: &'a Progress,
}

impl Dial<'_> {
    /// Tries the servers one by one. A refused login ends the pass: the next server would refuse it
    /// too, and a token is not shown to more servers than need to see it.
    pub(super) async fn run(self) -> Result<Established, Error> {
        let mut failure = None;
        let hosts = self.ordered(self.hosts.iter().collect());
        for (index, host) in hosts.iter().enumerate() {
            match self.try_host(host, hosts.len() - index).await {
                Ok(established) => return Ok(established),
                Err(error) if error.is_rejected() => return Err(error),
                Err(error) => failure = Some(more_hopeful(failure, error)),
            }
        }
        Err(failure.unwrap_or_else(no_host))
    }

    async fn try_host(&self, host: &Host, hosts_left: usize) -> Result<Established, Error> {
        let addresses = self.ordered(self.resolve(host, hosts_left).await?);
        let mut failure = None;
        for (index, address) in addresses.iter().enumerate() {
            let targets_left = addresses.len() - index + hosts_left - 1;
            match self.try_address(host, *address, targets_left).await {
                Ok(established) => return Ok(established),
                Err(error) if error.is_rejected() => return Err(error),
                Err(error) => failure = Some(more_hopeful(failure, error)),
            }
        }
        Err(failure.unwrap_or_else(|| unresolved(host, "the name has no address")))
    }

    async fn resolve(&self, host: &Host, hosts_left: usize) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = host.address() {
            return Ok(vec![SocketAddr::new(address, host.port())]);
        }
        self.progress.enter(Stage::Dns);
        let lookup = tokio::net::lookup_host((host.name(), host.port()));
        match timeout(self.share(hosts_left), lookup).await {
            Ok(found) => found.map(Iterator::collect).map_err(|error| unresolved(host, error)),
            Err(_) => Err(unresolved(host, "the name service did not answer in time")),
        }
    }

    async fn try_address(
        &self,
        host: &Host,
        address: SocketAddr,
        targets_left: usize,
    ) -> Result<Established, Error> {
        self.progress.enter(Stage::Tcp);
        let share = self.share(targets_left);
        let limit = self.limit.map_or(share, |limit| limit.min(share));
        let config = self.config_for(host, address);
        let allowance = Allowance::for_login();
        let tls = ObservedTls::new(self.tls.clone(), self.progress.clone(), allowance.clone());
        match timeout(limit, config.connect(tls)).await {
            Ok(Ok(established)) => {
                allowance.lift();
                Ok(established)
            }
            Ok(Err(error)) => Err(login_error::classify(error, host, Some(self.login))),
            Err(_) => Err(no_answer(host, limit, self.progress.stage())),
        }
    }

    /// One target may take its fair share of the time that is left, so that a dead one leaves time for
    /// the others. The last one may take all: the deadline ends it.
    fn share(&self, targets_left: usize) -> Duration {
        let left = self.deadline.duration_since(SystemClock.now().monotonic);
        match u32::try_from(targets_left) {
            Ok(targets @ 2..) => left / targets,
            _ => Duration::MAX,
        }
    }

    fn config_for(&self, host: &Host, address: SocketAddr) -> Config {
        let mut config = self.config.clone();
        config
            .host(host.name())
            .hostaddr(address.ip())
            .port(address.port())
            .user(self.login.user())
            .password(self.login.password());
        config
    }

    fn ordered<T>(&self, mut targets: Vec<T>) -> Vec<T> {
        if self.random_order {
            random::shuffle(&mut targets);
        }
        targets
    }
}

/// Of two failures, the one that another pass may not meet.
fn more_hopeful(earlier: Option<Error>, later: Error) -> Error {
    match earlier {
        Some(earlier) if earlier.is_transient() => earlier,
        _ => later,
    }
}

fn unresolved(host: &Host, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    ConnectError::unresolved(host.name(), host.port(), cause).into()
}

fn no_answer(host: &Host, limit: Duration, stage: Stage) -> Error {
    let text = format!("no answer within {:.1} s during {stage}", limit.as_secs_f32());
    let cause = io::Error::new(io::ErrorKind::TimedOut, text);
    ConnectError::new(host.name(), host.port(), true, cause).into()
}

fn no_host() -> Error {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "the settings name no host",
        "name the server's host",
    )
    .into()
}
