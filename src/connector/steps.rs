//! Parts of a connect, for a diagnosis, and a connect with more to do, for a pool.

#[cfg(feature = "diesel-async")]
use std::future::Future;

use tokio::time::Instant;

use super::{
    Connector,
    attempt::{Established, TokioPostgres},
    progress::Progress,
};
use crate::Error;

impl Connector {
    /// Why this token source, or why a password: one clause without values.
    pub(crate) fn login_reason(&self) -> &str {
        &self.0.parts.login_reason
    }

    /// One pass over the servers, without a retry after a passing failure.
    pub(crate) async fn connect_once(&self, deadline: Instant) -> Result<Established, Error> {
        let progress = Progress::new();
        self.until(deadline, &progress, self.try_servers(&TokioPostgres, deadline, &progress)).await
    }

    /// A connect and what sets the session up, both within the connector's deadline.
    #[cfg(feature = "diesel-async")]
    pub(crate) async fn connect_with<T, F>(
        &self,
        set_up: impl FnOnce(Established) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (progress, deadline) = (Progress::new(), self.ends_at());
        let work =
            async { set_up(self.establish(&TokioPostgres, deadline, &progress).await?).await };
        self.until(deadline, &progress, work).await
    }
}
