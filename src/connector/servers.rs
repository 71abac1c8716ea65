//! Which servers there are, in which order they are tried, and how long each of them may take.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    Connector,
    driver::{Attempt, Driver},
    login::Login,
    lookup::{Resolver, addresses, system_resolver, unresolved},
    progress::Progress,
    server_role::ServerRole,
};
use crate::{
    clock::{Clock, SystemClock},
    config::{Host, Settings, TargetSessionAttrs},
    error::{ConnectError, Error, Stage},
    random,
};

/// What a TCP connection may take, on the first pass, to an address that has others behind it. Across the
/// world and with one lost packet it takes less; so a dead address costs no more than this, and a slow one
/// gets its share of the deadline on the next pass.
const FIRST_TCP_LIMIT: Duration = Duration::from_secs(2);

/// The shortest time in which another try may find a server well. While more than twice as much is left, the last
/// address gets half of it: a server that has stopped answering, or whose answer was lost, may be back long before
/// the deadline, and the connection that hangs does not notice.
const ANOTHER_TRY: Duration = Duration::from_secs(3);

/// For how long the server that answered is asked before those that the settings name first, once these
/// have failed. Then they have another chance: the order may be the user's preference.
const DETOUR: Duration = Duration::from_secs(60);

/// The servers of one connector.
pub(super) struct Servers {
    hosts: Vec<Host>,
    random_order: bool,
    wanted: TargetSessionAttrs,
    /// The limit for one address, if the settings have one.
    limit: Option<Duration>,
    detour: Mutex<Option<Detour>>,
    pub(super) resolver: Resolver,
}

/// The servers in the order of one pass, by number, and what the name of the first resolves to: that is
/// looked up while the identity service answers.
pub(super) struct Itinerary {
    order: Vec<usize>,
    first: Option<Result<Vec<SocketAddr>, Error>>,
}

/// Which pass over the servers it is.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) is_first: bool,
    /// Whether none follows, however this one fails.
    pub(super) is_only: bool,
}

/// One round over the servers.
struct Round<'a, D> {
    driver: &'a D,
    connector: &'a Connector,
    login: &'a Login,
    wanted: Option<ServerRole>,
    /// Targets of another round, which share the time with those of this one.
    targets_after: usize,
    turn: Turn,
}

/// A server that answered where others before it had failed.
#[derive(Clone, Copy)]
struct Detour {
    host: usize,
    address: SocketAddr,
    ends: Instant,
}

impl Servers {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            hosts: settings.hosts().to_vec(),
            random_order: settings.load_balance_hosts(),
            wanted: settings.target_session_attrs(),
            limit: settings.connect_timeout(),
            detour: Mutex::new(None),
            resolver: system_resolver,
        }
    }

    /// What a pass that begins now needs to know.
    pub(super) async fn itinerary(&self, progress: &Progress) -> Itinerary {
        let detour = self.current_detour();
        let all = (0..self.hosts.len()).collect();
        let order = self.ordered(all, |index| detour.is_some_and(|it| it.host == *index));
        let first = match order.first() {
            Some(first) => Some(self.resolve(&self.hosts[*first], order.len(), progress).await),
            None => None,
        };
        Itinerary { order, first }
    }

    /// One pass: a round over the servers, or two if a replica is preferred and none is found.
    pub(super) async fn log_in<D: Driver>(
        &self,
        mut itinerary: Itinerary,
        driver: &D,
        connector: &Connector,
        login: &Login,
        turn: Turn,
        progress: &Progress,
    ) -> Result<D::Session, Error> {
        let mut round = async |wanted, targets_after| {
            let round = Round { driver, connector, login, wanted, targets_after, turn };
            self.round(round, &mut itinerary, progress).await
        };
        match self.wanted {
            TargetSessionAttrs::Primary => round(Some(ServerRole::Primary), 0).await,
            TargetSessionAttrs::Standby => round(Some(ServerRole::Standby), 0).await,
            TargetSessionAttrs::PreferStandby => {
                match round(Some(ServerRole::Standby), self.hosts.len()).await {
                    Err(error) if !error.is_rejected() => round(None, 0).await,
                    result => result,
                }
            }
            _ => round(None, 0).await,
        }
    }

    /// The servers one by one, and the addresses of each. A refused login ends it: the next server would
    /// refuse it too, and a token is not shown to more servers than need to see it.
    #[expect(clippy::expect_used, reason = "validated settings name a host")]
    async fn round<D: Driver>(
        &self,
        round: Round<'_, D>,
        itinerary: &mut Itinerary,
        progress: &Progress,
    ) -> Result<D::Session, Error> {
        let Round { driver, connector, login, wanted, targets_after, turn } = round;
        let Itinerary { order, first } = itinerary;
        let detour = self.current_detour();
        let mut failure = None;
        for (tried, &index) in order.iter().enumerate() {
            let host = &self.hosts[index];
            let hosts_left = order.len() - tried + targets_after;
            let found = match first.take() {
                Some(found) => found,
                None => {
                    progress.enter(Stage::Dns);
                    self.resolve(host, hosts_left, progress).await
                }
            };
            let addresses = match found {
                Ok(addresses) => addresses,
                Err(error) => {
                    failure = Some(more_hopeful(failure, error));
                    continue;
                }
            };
            let addresses =
                self.ordered(addresses, |address| detour.is_some_and(|it| it.address == *address));
            for (tried, &address) in addresses.iter().enumerate() {
                let targets_left = addresses.len() - tried + hosts_left - 1;
                let is_hurried = turn.is_first && targets_left > 1;
                let tcp_limit = is_hurried.then_some(FIRST_TCP_LIMIT);
                let limit = self.limit(targets_left, turn, progress);
                progress.enter(Stage::Tcp);
                let attempt =
                    Attempt { connector, host, address, login, tcp_limit, limit, wanted, progress };
                let session = timeout(attempt.limit, driver.log_in(attempt)).await;
                match session.unwrap_or_else(|_| Err(no_answer(host, limit, progress.stage()))) {
                    Ok(session) => {
                        self.answered(index, address, failure.is_some());
                        return Ok(session);
                    }
                    Err(error) if error.is_rejected() => return Err(error),
                    Err(error) => failure = Some(more_hopeful(failure, error)),
                }
            }
        }
        Err(failure.expect("a host has an address, or an error"))
    }

    async fn resolve(
        &self,
        host: &Host,
        hosts_left: usize,
        progress: &Progress,
    ) -> Result<Vec<SocketAddr>, Error> {
        let limit = fair_share(progress.deadline(), hosts_left).unwrap_or(Duration::MAX);
        let unanswered = |_| unresolved(host, "the name service did not answer in time");
        timeout(limit, addresses(host, self.resolver)).await.map_err(unanswered)?
    }

    /// How long one address is waited for.
    fn limit(&self, targets_left: usize, turn: Turn, progress: &Progress) -> Duration {
        let deadline = progress.deadline();
        let share = if turn.is_only || targets_left > 1 {
            fair_share(deadline, targets_left)
        } else {
            fair_share(deadline, 2).filter(|half| *half > ANOTHER_TRY)
        };
        let limits = [share, self.limit];
        limits.into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    fn current_detour(&self) -> Option<Detour> {
        let detour = *self.detour.lock().unwrap_or_else(PoisonError::into_inner);
        detour.filter(|it| SystemClock.now().monotonic < it.ends)
    }

    /// Remembers a server that answered after others had failed.
    fn answered(&self, host: usize, address: SocketAddr, after_failures: bool) {
        if after_failures {
            let detour = Detour { host, address, ends: SystemClock.now().monotonic + DETOUR };
            *self.detour.lock().unwrap_or_else(PoisonError::into_inner) = Some(detour);
        }
    }

    /// In random order if the settings say so, else as they come, the remembered one first.
    fn ordered<T>(&self, mut targets: Vec<T>, is_remembered: impl Fn(&T) -> bool) -> Vec<T> {
        if self.random_order {
            random::shuffle(&mut targets);
        } else {
            targets.sort_by_key(|target| !is_remembered(target));
        }
        targets
    }
}

fn no_answer(host: &Host, limit: Duration, stage: Stage) -> Error {
    let text = format!("no answer within {:.1} s during {stage}", limit.as_secs_f32());
    let cause = io::Error::new(io::ErrorKind::TimedOut, text);
    ConnectError::new(host.name(), host.port(), true, cause).into()
}

/// The time that one of several targets may take, so that a dead one leaves time for the others. The
/// last one may take all that is left.
pub(crate) fn fair_share(deadline: Instant, targets_left: usize) -> Option<Duration> {
    let left = deadline.saturating_duration_since(SystemClock.now().monotonic);
    let targets_left = u32::try_from(targets_left).unwrap_or(u32::MAX);
    (targets_left > 1).then(|| left / targets_left)
}

/// Of two failures, the one that another pass may not meet.
pub(crate) fn more_hopeful(earlier: Option<Error>, later: Error) -> Error {
    match earlier {
        Some(earlier) if earlier.is_transient() => earlier,
        _ => later,
    }
}
