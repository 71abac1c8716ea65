//! What a connect is doing, so that a deadline can say what it interrupted.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

use crate::{
    Error, Stage, TlsError,
    tls::{Allowance, Handshake, TlsConnector, TlsStream},
};

/// The stage that a connect is in and the last attempt that failed. Clones share both.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Journal>>);

#[derive(Debug)]
struct Journal {
    stage: Stage,
    last_failure: Option<Error>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Journal { stage: Stage::Token, last_failure: None })))
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.journal().stage = stage;
    }

    pub(super) fn failed(&self, error: Error) {
        self.journal().last_failure = Some(error);
    }

    pub(super) fn stage(&self) -> Stage {
        self.journal().stage
    }

    pub(super) fn take_failure(&self) -> Option<Error> {
        self.journal().last_failure.take()
    }

    fn journal(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A TLS connector that reports when the handshake begins and ends, and limits what is read after it.
pub(crate) struct ObservedTls {
    connector: TlsConnector,
    progress: Progress,
    allowance: Allowance,
}

impl ObservedTls {
    pub(super) fn new(connector: TlsConnector, progress: Progress, allowance: Allowance) -> Self {
        Self { connector, progress, allowance }
    }
}

impl MakeTlsConnect<Socket> for ObservedTls {
    type Stream = TlsStream;
    type TlsConnect = ObservedHandshake;
    type Error = TlsError;

    fn make_tls_connect(&mut self, host: &str) -> Result<ObservedHandshake, TlsError> {
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
