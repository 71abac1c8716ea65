//! Clients of the `postgres` crate.

use std::{future::ready, panic::resume_unwind, thread, time::Duration};

use postgres::{CancelToken, Client};
use tokio::task::spawn_blocking;

use super::{
    Connector,
    timed_tls::{StreamControl, TimedTls},
};
use crate::{
    connector::{
        driver::{Attempt, Driver},
        progress::ObservedTls,
        server_role::ServerRole,
    },
    error::Error,
};

/// How much longer than the connector a thread waits for a server: the connector, which knows more, is
/// to be the one that gives up.
const GRACE: Duration = Duration::from_secs(1);

/// Connects as the process environment says: the same as `Connector::from_env()?.connect()`.
///
/// For one connection at start-up. Whoever opens more keeps a [`Connector`], which keeps the token and the TLS
/// set-up.
///
/// # Errors
///
/// As [`Connector::from_env`] and [`Connector::connect`].
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
pub fn connect() -> Result<Client, Error> {
    Connector::from_env()?.connect()
}

#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
impl Connector {
    /// Connects, and waits for it on this thread, at most until the connector's
    /// [`deadline`](crate::ConnectorBuilder::deadline).
    ///
    /// The client outlives the connector. To cancel what it executes, use [`Connector::cancel_query`]: the
    /// client's own token does not ask for TLS, which a server before PostgreSQL 17 does not begin unasked.
    ///
    /// # Errors
    ///
    /// As the async [`connect`](crate::Connector::connect), and [`Error::Connect`] if the system allows no more
    /// threads.
    pub fn connect(&self) -> Result<Client, Error> {
        self.connect_with_control().map(|(client, _)| client)
    }

    /// The same, with what its stream is told by.
    pub(super) fn connect_with_control(&self) -> Result<(Client, StreamControl), Error> {
        let Handover(session) = &mut self.open(Postgres)?;
        session.take().ok_or_else(|| self.unreachable("there is no client"))
    }

    /// Asks the server to cancel what a client of this connector is executing. The server doesn't say
    /// whether there was anything to cancel.
    ///
    /// # Errors
    ///
    /// As the async [`cancel_query`](crate::Connector::cancel_query).
    pub fn cancel_query(&self, token: &CancelToken) -> Result<(), Error> {
        let (connector, token) = (self.inner().clone(), token.clone());
        self.wait_for(async move {
            let limit = connector.deadline().saturating_add(GRACE);
            let cancel = async |tls| {
                let tls = ObservedTls::unobserved(tls, limit);
                let tls = TimedTls::new(tls, connector.settings(), limit);
                let cancelling = spawn_blocking(move || token.cancel_query(tls)).await;
                cancelling.unwrap_or_else(|error| resume_unwind(error.into_panic()))
            };
            connector.cancel_with(cancel).await
        })
    }
}

/// The driver of the `postgres` crate, whose one door is a call that blocks.
struct Postgres;

impl Driver for Postgres {
    type Session = Handover;

    async fn log_in(&self, attempt: Attempt<'_>) -> Result<Handover, Error> {
        let (tls, allowance) = attempt.tls().await?;
        let limit = attempt.limit().saturating_add(GRACE);
        let tls = TimedTls::new(tls, attempt.settings(), limit);
        let control = tls.control();
        let mut config = attempt.config();
        let tcp_limit = config.get_connect_timeout().map_or(limit, |&of_tcp| of_tcp.min(limit));
        TimedTls::adapt(config.connect_timeout(tcp_limit));
        let asks_for_role = attempt.asks_for_role();
        let connecting = spawn_blocking(move || {
            let mut client = postgres::Config::from(config).connect(tls)?;
            let role = asks_for_role.then(|| role_of(&mut client)).transpose()?;
            Ok((Handover(Some((client, control))), role))
        });
        let connected = connecting.await.map_err(|error| attempt.unreachable(error))?;
        let (session, role) = connected.map_err(|error| attempt.classify(error))?;
        if let Some(role) = role {
            attempt.check_role(ready(Ok(role))).await?;
        }
        allowance.lift();
        if let Some((_, control)) = &session.0 {
            control.login_is_over();
        }
        Ok(session)
    }
}

fn role_of(client: &mut Client) -> Result<ServerRole, postgres::Error> {
    let row = client.query_one(ServerRole::QUESTION, &[])?;
    Ok(ServerRole::of_recovery(row.try_get(0)?))
}

/// A client on its way out of async code, where it must not be dropped: it blocks then, and panics.
struct Handover(Option<(Client, StreamControl)>);

impl Drop for Handover {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            thread::spawn(move || drop(session));
        }
    }
}
