//! What the integration tests share.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod examples;
pub mod fake_server;
pub mod pool_story;

use std::{
    error::Error,
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use postgres_entra::emulator::LocalAzure;
use tracing_subscriber::fmt::MakeWriter;

/// One local Azure for all tests of a binary that set no fault.
pub fn shared_azure() -> &'static LocalAzure {
    static AZURE: OnceLock<LocalAzure> = OnceLock::new();
    AZURE.get_or_init(|| LocalAzure::start_blocking().expect("a local Azure"))
}

/// Waits until the condition holds; panics if it doesn't within ten seconds.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let poll = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, poll).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// An error with all of its causes, as a person would print it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Collects everything that is logged while it is the subscriber.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// A subscriber that writes every event and span, at TRACE, to this log.
    pub fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(self.clone())
            .finish()
    }

    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
