//! One pass over the servers, address by address.

use std::{io, net::SocketAddr, time::Duration};

use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Config, Connection, Socket};

use super::{
    login::Login,
    login_error,
    progress::{ObservedTls, Progress},
    reach::{addresses, fair_share, more_hopeful, unresolved},
};
use crate::{
    ConnectError, Error, Host, Stage, random,
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

#[expect(clippy::expect_used, reason = "validated settings name a host; addresses() returns some")]
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
        Err(failure.expect("validated settings name a host"))
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
        Err(failure.expect("a name that resolves has an address"))
    }

    async fn resolve(&self, host: &Host, hosts_left: usize) -> Result<Vec<SocketAddr>, Error> {
        if host.address().is_none() {
            self.progress.enter(Stage::Dns);
        }
        let limit = fair_share(self.deadline, hosts_left).unwrap_or(Duration::MAX);
        let unanswered = |_| unresolved(host, "the name service did not answer in time");
        timeout(limit, addresses(host)).await.map_err(unanswered)?
    }

    async fn try_address(
        &self,
        host: &Host,
        address: SocketAddr,
        targets_left: usize,
    ) -> Result<Established, Error> {
        self.progress.enter(Stage::Tcp);
        let limits = [fair_share(self.deadline, targets_left), self.limit];
        let limit = limits.into_iter().flatten().min().unwrap_or(Duration::MAX);
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

fn no_answer(host: &Host, limit: Duration, stage: Stage) -> Error {
    let text = format!("no answer within {:.1} s during {stage}", limit.as_secs_f32());
    let cause = io::Error::new(io::ErrorKind::TimedOut, text);
    ConnectError::new(host.name(), host.port(), true, cause).into()
}
