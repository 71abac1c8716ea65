//! The limit for a connect, and for what else a connector does over the network.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{Connector, progress::Progress};
use crate::{
    Error,
    clock::{Clock, SystemClock},
};

/// Stands for a deadline that the clock can't express.
const FAR: Duration = Duration::from_secs(365 * 86_400);

impl Connector {
    /// The limit for one connect as a whole.
    pub(crate) fn deadline(&self) -> Duration {
        self.0.parts.deadline
    }

    /// When a connect that begins now has to be over.
    pub(crate) fn ends_at(&self) -> Instant {
        let now = SystemClock.now().monotonic;
        now.checked_add(self.deadline()).unwrap_or(now + FAR)
    }

    /// Waits for the work until the deadline. If that passes, the error says what the work was doing,
    /// and what had failed before.
    pub(super) async fn until<T>(
        &self,
        deadline: Instant,
        progress: &Progress,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout_at(deadline, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout {
                stage: progress.stage(),
                limit: self.deadline(),
                last: progress.take_failure().map(Box::new),
            }),
        }
    }
}
