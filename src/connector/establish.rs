//! Trying again: after a transient failure, and with a newer token.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Connector, attempt::Driver, dial::Dial, login::Login, progress::Progress};
use crate::{
    Error, Rejection, RejectionReason, Stage,
    clock::{Clock, SystemClock},
    random,
};

/// The pause before the second pass over the servers; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A server that restarts or fails over is back within seconds, so longer pauses only add delay.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Connector {
    /// Connects, trying again after transient failures for as long as the deadline allows.
    pub(super) async fn establish<D: Driver>(
        &self,
        driver: &D,
        deadline: Instant,
        progress: &Progress,
    ) -> Result<D::Session, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.try_servers(driver, deadline, progress).await {
                Ok(established) => return Ok(established),
                Err(error) => error,
            };
            let wait = jittered(pause);
            if !error.is_transient() || SystemClock.now().monotonic + wait >= deadline {
                return Err(error);
            }
            tracing::warn!(
                target: "postgres_entra::connect",
                error = &error as &dyn std::error::Error,
                retry_in_ms = wait.as_millis(),
                "connecting failed and is tried again"
            );
            progress.failed(error);
            progress.enter(Stage::Backoff);
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One pass over the servers; two if the first was refused with a token that may be outdated.
    pub(super) async fn try_servers<D: Driver>(
        &self,
        driver: &D,
        deadline: Instant,
        progress: &Progress,
    ) -> Result<D::Session, Error> {
        let login = self.prepare_login(progress).await?;
        match self.dial(driver, &login, deadline, progress).await {
            Err(Error::Rejected(rejection)) => {
                match self.renewed_login(&login, &rejection, progress).await {
                    Some(renewed) => self.dial(driver, &renewed, deadline, progress).await,
                    None => Err(self.advised(rejection).into()),
                }
            }
            result => result,
        }
    }

    /// With the hint that another login was there, if the one that was refused may be an accident.
    fn advised(&self, rejection: Rejection) -> Rejection {
        match rejection.reason() {
            RejectionReason::AuthenticationFailed | RejectionReason::RoleMissing => {
                rejection.with_advice(self.settings().password_advice())
            }
            _ => rejection,
        }
    }

    async fn dial<D: Driver>(
        &self,
        driver: &D,
        login: &Login,
        deadline: Instant,
        progress: &Progress,
    ) -> Result<D::Session, Error> {
        progress.enter(Stage::TlsSetup);
        driver.prepare(self).await?;
        Dial { connector: self, driver, login, deadline, progress }.run().await
    }
}

/// Between three quarters of the pause and the whole, so that clients that failed together don't come
/// back together.
fn jittered(pause: Duration) -> Duration {
    pause - random::up_to(pause / 4)
}
