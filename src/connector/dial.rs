//! One pass over the servers, address by address.

use std::{io, net::SocketAddr, time::Duration};

use super::{
    Connector,
    attempt::{Attempt, Driver},
    login::Login,
    progress::Progress,
    reach::{addresses, fair_share, more_hopeful, unresolved},
};
use crate::{ConnectError, Error, Stage, config::Host, random};
use tokio::time::{Instant, timeout};

/// What one pass over the servers needs.
pub(super) struct Dial<'a, D> {
    pub(super) connector: &'a Connector,
    pub(super) driver: &'a D,
    pub(super) login: &'a Login,
    /// When the whole connect has to be over.
    pub(super) deadline: Instant,
    pub(super) progress: &'a Progress,
}

#[expect(clippy::expect_used, reason = "validated settings name a host; addresses() returns some")]
impl<D: Driver> Dial<'_, D> {
    /// Tries the servers one by one. A refused login ends the pass: the next server would refuse it
    /// too, and a token is not shown to more servers than need to see it.
    pub(super) async fn run(self) -> Result<D::Session, Error> {
        let mut failure = None;
        let hosts = self.ordered(self.connector.settings().hosts().iter().collect());
        for (index, host) in hosts.iter().enumerate() {
            match self.try_host(host, hosts.len() - index).await {
                Ok(established) => return Ok(established),
                Err(error) if error.is_rejected() => return Err(error),
                Err(error) => failure = Some(more_hopeful(failure, error)),
            }
        }
        Err(failure.expect("validated settings name a host"))
    }

    async fn try_host(&self, host: &Host, hosts_left: usize) -> Result<D::Session, Error> {
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
    ) -> Result<D::Session, Error> {
        self.progress.enter(Stage::Tcp);
        let connect_timeout = self.connector.settings().connect_timeout();
        let limits = [fair_share(self.deadline, targets_left), connect_timeout];
        let limit = limits.into_iter().flatten().min().unwrap_or(Duration::MAX);
        let Self { connector, login, progress, .. } = *self;
        let attempt = Attempt { connector, host, address, login, progress };
        match timeout(limit, self.driver.log_in(attempt)).await {
            Ok(result) => result,
            Err(_) => Err(no_answer(host, limit, self.progress.stage())),
        }
    }

    fn ordered<T>(&self, mut targets: Vec<T>) -> Vec<T> {
        if self.connector.settings().load_balance_hosts() {
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
