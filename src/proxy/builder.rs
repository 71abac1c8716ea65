#[cfg(unix)]
use std::path::PathBuf;
use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    Proxy, ProxyError,
    listen::{self, Listeners},
    session::Sessions,
};
use crate::{connector::Connector, secret::Secret};

/// Half of the 1,024 files that a process may have open on most systems, less what else it needs: a session
/// has two sockets.
const SESSIONS: u32 = 500;

/// A program that is there sends its start-up at once.
const START_UP_LIMIT: Duration = Duration::from_secs(10);

/// Puts a [`Proxy`] together. Made by [`Proxy::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until start() is called"]
pub struct ProxyBuilder {
    pub(super) connector: Connector,
    #[cfg(unix)]
    pub(super) socket_folder: Option<PathBuf>,
    #[cfg(unix)]
    pub(super) allowed_uids: Vec<u32>,
    pub(super) loopback: Option<(u16, Secret)>,
    pub(super) max_sessions: u32,
    pub(super) start_up_limit: Duration,
}

impl ProxyBuilder {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            #[cfg(unix)]
            socket_folder: None,
            #[cfg(unix)]
            allowed_uids: Vec::new(),
            loopback: None,
            max_sessions: SESSIONS,
            start_up_limit: START_UP_LIMIT,
        }
    }

    /// Listens on the socket `.s.PGSQL.5432` in this folder, which libpq and most drivers take as the host.
    ///
    /// The folder is made if it does not exist, and closed to everybody else; one that others can write to is
    /// refused. The kernel says whose program connects, and programs of other users are refused.
    #[cfg(unix)]
    #[cfg_attr(docsrs, doc(cfg(unix)))]
    pub fn unix_socket(mut self, folder: impl Into<PathBuf>) -> Self {
        self.socket_folder = Some(folder.into());
        self
    }

    /// Lets programs of the user with this id in, as of a sidecar container. The folder of the socket can
    /// then be entered by all users; the ids decide.
    #[cfg(unix)]
    #[cfg_attr(docsrs, doc(cfg(unix)))]
    pub fn allow_uid(mut self, uid: u32) -> Self {
        self.allowed_uids.push(uid);
        self
    }

    /// Listens on this port of 127.0.0.1, or with 0 on one that the system chooses, and asks programs for
    /// this password, whatever role they name.
    ///
    /// Every user of the machine reaches the port, so the password is all that keeps them out. It is asked
    /// for in clear, which only the machine's administrator can listen to on loopback.
    pub fn loopback(mut self, port: u16, password: impl Into<Secret>) -> Self {
        self.loopback = Some((port, password.into()));
        self
    }

    /// How many sessions may be open at once: 500 unless set. Each is one at the server too.
    pub fn max_sessions(mut self, sessions: NonZeroU32) -> Self {
        self.max_sessions = sessions.get();
        self
    }

    /// How long a program may take for its start-up message and the password: 10 s unless set.
    pub fn start_up_limit(mut self, limit: Duration) -> Self {
        self.start_up_limit = limit;
        self
    }

    /// Listens from now on. Must be called inside a tokio runtime, which then serves the sessions.
    ///
    /// No connection to the server is made, and no token asked for, until a program connects.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Setting`] if there is nothing to listen on, or the password is empty, or the folder is
    /// not private; [`ProxyError::Io`] if the operating system refuses something.
    pub async fn start(self) -> Result<Proxy, ProxyError> {
        self.check()?;
        let sessions = Arc::new(Sessions::new(self.connector.clone(), self.max_sessions));
        let listeners: Listeners = listen::start(self, &sessions).await?;
        Ok(Proxy { sessions, listeners })
    }

    fn check(&self) -> Result<(), ProxyError> {
        #[cfg(unix)]
        let has_socket = self.socket_folder.is_some();
        #[cfg(not(unix))]
        let has_socket = false;
        match &self.loopback {
            None if !has_socket => Err(ProxyError::setting(
                "the proxy has nothing to listen on",
                "give it a socket's folder (on Unix) or a port on loopback",
            )),
            Some((_, password)) if password.is_empty() => Err(ProxyError::setting(
                "the password of the port on loopback is empty",
                "give the proxy a long random password: it is all that keeps others of this machine out",
            )),
            _ => Ok(()),
        }
    }
}
