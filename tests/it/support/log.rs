//! A log in memory.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};

/// Collects everything that is logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The log of this process, which records from the first call on. One for all tests: tracing
    /// remembers per call site whether anybody listened when it was first reached.
    pub fn of_process() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            log.subscriber().try_init().expect("the only subscriber of this process");
            log
        });
        &LOG
    }

    /// Every event and span from TRACE up, also of crates that log without tracing.
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(self.clone())
            .finish()
    }

    /// Panics unless each of these targets has logged something: an empty log shows nothing.
    #[track_caller]
    pub fn assert_records(&self, targets: &[&str]) {
        let text = self.text();
        for target in targets {
            assert!(text.contains(target), "{target} has logged nothing");
        }
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
