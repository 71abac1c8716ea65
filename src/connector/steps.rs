//! Parts of a connect, one at a time, for a diagnosis.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Connector, dial::Established, progress::Progress};
use crate::Error;

impl Connector {
    /// The limit for one connect as a whole.
    pub(crate) fn deadline(&self) -> Duration {
        self.0.parts.deadline
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
