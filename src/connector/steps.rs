//! Parts of a connect, one at a time, for a diagnosis.

use tokio::time::Instant;

use super::{Connector, dial::Established, progress::Progress};
use crate::Error;

impl Connector {
    /// Why this token source, or why a password: one clause without values.
    pub(crate) fn credential_reason(&self) -> &str {
        &self.0.parts.credential_reason
    }

    /// One pass over the servers, without a retry after a passing failure.
    pub(crate) async fn connect_once(&self, deadline: Instant) -> Result<Established, Error> {
        let progress = Progress::new();
        self.until(deadline, &progress, self.log_in(deadline, &progress)).await
    }
}
