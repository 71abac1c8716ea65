//! What a connect is doing, so that a deadline can say what it interrupted.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

use crate::{
    clock::{Clock, SystemClock},
    error::{Error, Stage, TlsError},
    tls::{Allowance, Handshake, TlsConnector, TlsStream},
};

/// Stands for a deadline that the clock can't express.
const FAR: Duration = Duration::from_secs(365 * 86_400);

/// When a connect that may take so long, and begins now, has to be over.
pub(super) fn ends_at(limit: Duration) -> Instant {
    let now = SystemClock.now().monotonic;
    now.checked_add(limit).unwrap_or(now + FAR)
}

/// The deadline of a connect, the stage that it is in and the last attempt that failed. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    limit: Duration,
    deadline: Instant,
    journal: Arc<Mutex<Journal>>,
}

#[derive(Debug)]
struct Journal {
    stage: Stage,
    last_failure: Option<Error>,
}

impl Progress {
    /// Of a connect that may take `limit` as a whole, and has to be over at this time.
    pub(super) fn new(limit: Duration, deadline: Instant) -> Self {
        let journal = Journal { stage: Stage::Token, last_failure: None };
        Self { limit, deadline, journal: Arc::new(Mutex::new(journal)) }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.journal().stage = stage;
    }

    pub(super) fn failed(&self, error: Error) {
        let earlier = self.journal().last_failure.replace(error);
        // Outside the lock: a cause may be anybody's type, with a `drop` of its own.
        drop(earlier);
    }

    /// The same, unless a refusal of the server is known: that is what the caller has to hear of.
    pub(super) fn failed_unless_rejected(&self, error: Error) {
        let is_rejected = self.journal().last_failure.as_ref().is_some_and(Error::is_rejected);
        if !is_rejected {
            self.failed(error);
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.journal().stage
    }

    /// The error at the deadline: what the connect was doing, and what had failed before.
    pub(super) fn timed_out(&self) -> Error {
        let mut journal = self.journal();
        Error::Timeout {
            stage: journal.stage,
            limit: self.limit,
            last: journal.last_failure.take().map(Box::new),
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A TLS connector that reports when the handshake begins and ends, and limits what is read after it.
pub(crate) struct ObservedTls {
    pub(super) connector: TlsConnector,
    pub(super) progress: Progress,
    pub(super) allowance: Allowance,
    /// What follows the TCP connection: where there is no TLS, the login.
    pub(super) in_clear: bool,
}

impl ObservedTls {
    /// For what is no login: nobody asks how it goes.
    #[cfg(feature = "blocking")]
    pub(crate) fn unobserved(connector: TlsConnector, limit: Duration) -> Self {
        let progress = Progress::new(limit, ends_at(limit));
        Self { connector, progress, allowance: Allowance::for_login(), in_clear: false }
    }
}

impl MakeTlsConnect<Socket> for ObservedTls {
    type Stream = TlsStream;
    type TlsConnect = ObservedHandshake;
    type Error = TlsError;

    /// The driver asks for this as soon as it has a TCP connection, whether it will use TLS or not.
    fn make_tls_connect(&mut self, host: &str) -> Result<ObservedHandshake, TlsError> {
        if self.in_clear {
            self.progress.enter(Stage::Login);
        }
        let handshake = self.connector.make_tls_connect(host)?;
        let (progress, allowance) = (self.progress.clone(), self.allowance.clone());
        Ok(ObservedHandshake { handshake, progress, allowance })
    }
}

pub(crate) struct ObservedHandshake {
    handshake: Handshake,
    progress: Progress,
    allowance: Allowance,
}

impl TlsConnect<Socket> for ObservedHandshake {
    type Stream = TlsStream;
    type Error = TlsError;
    type Future = Pin<Box<dyn Future<Output = Result<TlsStream, TlsError>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        self.progress.enter(Stage::Tls);
        Box::pin(async move {
            let stream = self.handshake.connect(socket).await?;
            self.progress.enter(Stage::Login);
            Ok(stream.limited(self.allowance))
        })
    }
}
