//! Parts of a connect, one at a time, for a diagnosis.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Connector, dial::Established, progress::Progress};
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

    /// Why this token source, or why a password: one clause without values.
    pub(crate) fn credential_reason(&self) -> &str {
        &self.0.parts.credential_reason
    }

    /// One pass over the servers, without a retry after a passing failure.
    pub(crate) async fn connect_once(&self, deadline: Instant) -> Result<Established, Error> {
        let progress = Progress::new();
        match timeout_at(deadline, self.log_in(deadline, &progress)).await {
            Ok(result) => result,
            Err(_) => {
                let (stage, limit) = (progress.stage(), self.deadline());
                Err(Error::Timeout { stage, limit, last: None })
            }
        }
    }
}
