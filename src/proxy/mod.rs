//! A local proxy: any program, in any language, logs in with Microsoft Entra ID without knowing of it.
//!
//! The program connects to a Unix socket or to a port on loopback, without TLS. The proxy logs in to the
//! server as the connector's identity, with a token from its cache over verified TLS, and from then on
//! passes bytes on.
//!
//! **Whoever reaches the socket is the identity.** Nothing that the program says decides who logs in: the
//! user is always the identity's role. So the socket is closed to all but its owner and those whom
//! [`ProxyBuilder::allow_uid`] names, and the port asks for a password of its own.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use postgres_entra::{Connector, proxy::Proxy};
//!
//! let connector = Connector::from_env()?;
//! let proxy = Proxy::builder(&connector).unix_socket("/run/orders/postgresql").start().await?;
//! // Programs connect with `host=/run/orders/postgresql`.
//! # proxy.shut_down(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # What is passed on
//!
//! The program's database (else that of the settings), `options` and `application_name` likewise, every
//! other parameter such as `client_encoding` or `replication`, and the version of the protocol. Requests
//! for TLS or GSS encryption are answered with no. A cancel request goes to the server that its session is
//! on. What the server says during the login, and everything after it, reaches the program as it is.
//!
//! Host guard, deadline, retries and the one newer token are those of
//! [`Connector::connect`](crate::Connector::connect). If no session can be opened, the program gets a
//! PostgreSQL error with the server's SQLSTATE or one of class 08, and a hint.
//!
//! A role with a password of its own can log in through the proxy too if the server asks for it in clear,
//! but not with SCRAM or MD5, which prove nothing through a third party.
//!
//! # Events
//!
//! Target `postgres_entra::proxy`, without secrets.
//!
//! | level | message | fields |
//! |---|---|---|
//! | info | `a session began` | `session`, `program_user`, `role`, `server` |
//! | info | `a session ended` | `session`, `seconds` |
//! | warn | `a session could not be opened` | `session`, `program_user`, `error` |
//! | warn | `a program was refused` | `reason` |
//! | debug | `a query is to be cancelled` | `server` |
//! | warn | `a query could not be cancelled` | `error` |

mod builder;
mod cancel;
mod error;
mod framing;
mod listen;
mod pump;
mod refusal;
mod session;
mod shutdown;
#[cfg(unix)]
mod socket;
mod start_up;
mod stats;
mod upstream;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

pub use self::{builder::ProxyBuilder, error::ProxyError, stats::ProxyStats};
use self::{listen::Listeners, session::Sessions, shutdown::Phase};
use crate::connector::Connector;

/// A running proxy. Dropping it ends it at once: sessions and all.
#[derive(Debug)]
pub struct Proxy {
    sessions: Arc<Sessions>,
    listeners: Listeners,
}

impl Proxy {
    /// The settings of a proxy that is to be started. It logs in as this connector does.
    pub fn builder(connector: &Connector) -> ProxyBuilder {
        ProxyBuilder::new(connector.clone())
    }

    /// The folder of the Unix socket, which libpq takes as `host`; the socket in it is that of port 5432.
    /// `None` where there is none.
    pub fn socket_folder(&self) -> Option<&Path> {
        self.listeners.socket_folder()
    }

    /// The address on loopback; `None` where there is none.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.address()
    }

    /// What has happened so far.
    pub fn stats(&self) -> ProxyStats {
        self.sessions.stats()
    }

    /// Takes no new sessions, waits for those that are open until `drain` has passed, and ends the others as
    /// a server that shuts down would, with SQLSTATE 57P01.
    pub async fn shut_down(self, drain: Duration) {
        self.listeners.close();
        self.sessions.enter(Phase::Draining);
        if !self.sessions.ended_within(drain).await {
            self.sessions.enter(Phase::Ending);
            self.sessions.ended_within(shutdown::LONGEST_GOODBYE).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listeners.close();
        self.sessions.enter(Phase::Ended);
    }
}
