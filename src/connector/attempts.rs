//! One connect: its passes over the servers, the pauses between them, and its deadline.

use std::{future::Future, time::Duration};

use futures_util::{FutureExt, future::try_join};
use tokio::time::{Instant, sleep};

use super::{
    Connector, Shared,
    driver::{Driver, Established, TokioPostgres},
    login::Login,
    progress::Progress,
    runtime::until,
    servers::Turn,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, RejectionReason, Stage, TlsErrorKind},
    random,
};

/// The pause before the second pass over the servers; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A server that restarts or fails over is back within seconds, so longer pauses only add delay.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What follows a failure that may pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// A pause and another pass, until the deadline.
    Retry,
    /// The error.
    Once,
}

/// One pass over the servers.
struct Pass {
    began: Instant,
    /// The login, if it is not a new one.
    login: Option<Login>,
    /// Whether a newer token than the one that was refused is tried: there is no third.
    token_is_renewed: bool,
    is_first: bool,
    /// The pause that follows if this one fails.
    pause: Duration,
}

impl Pass {
    fn first() -> Self {
        Self {
            began: SystemClock.now().monotonic,
            login: None,
            token_is_renewed: false,
            is_first: true,
            pause: FIRST_PAUSE,
        }
    }

    /// The next one, after a pause.
    fn next(self) -> Self {
        let pause = (self.pause * 2).min(LONGEST_PAUSE);
        Self { is_first: false, pause, ..Self::first() }
    }

    /// The same again with another token or TLS connector.
    fn again_with(self, login: Login, token_is_renewed: bool) -> Self {
        let began = SystemClock.now().monotonic;
        Self { began, login: Some(login), token_is_renewed, ..self }
    }
}

impl Connector {
    /// A session of whichever driver, by the rules of [`connect`](Self::connect).
    pub(crate) fn open<'a, D: Driver>(
        &'a self,
        driver: &'a D,
    ) -> impl Future<Output = Result<D::Session, Error>> + Send + 'a {
        self.establish(driver, Patience::Retry, Progress::new(self.deadline(), self.ends_at()))
    }

    /// One pass over the servers, without a retry after a passing failure: for a diagnosis.
    pub(crate) fn connect_once(
        &self,
        deadline: Instant,
    ) -> impl Future<Output = Result<Established, Error>> + Send {
        self.establish(&TokioPostgres, Patience::Once, Progress::new(self.deadline(), deadline))
    }

    /// A session of this driver until the deadline, in as many passes over the servers as it takes.
    ///
    /// While the identity service answers, TLS is set up (with native-tls it is most of the work of a
    /// process that opens one connection) and the name of the first server is resolved.
    async fn establish<D: Driver>(
        &self,
        driver: &D,
        patience: Patience,
        progress: Progress,
    ) -> Result<D::Session, Error> {
        let Shared { servers, tls, .. } = &*self.0;
        if !D::BRINGS_TLS {
            tls.begin();
        }
        let work = async {
            let mut pass = Pass::first();
            loop {
                let itinerary = servers.itinerary(&progress).map(Ok);
                let prepared = try_join(self.prepare::<D>(&mut pass, &progress), itinerary).await;
                let (error, login) = match prepared {
                    Ok((login, itinerary)) => {
                        let is_only = patience == Patience::Once;
                        let turn = Turn { is_first: pass.is_first, is_only };
                        let session =
                            servers.log_in(itinerary, driver, self, &login, turn, &progress);
                        match session.await {
                            Ok(session) => return Ok(session),
                            Err(error) => (error, Some(login)),
                        }
                    }
                    Err(error) => (error, None),
                };
                pass = self.next_pass(pass, error, login, patience, &progress).await?;
            }
        };
        #[cfg(feature = "metrics")]
        let began = SystemClock.now().monotonic;
        let established = until(progress.deadline(), work)
            .await
            .unwrap_or_else(|| Err(self.timed_out(&progress)));
        #[cfg(feature = "metrics")]
        if patience == Patience::Retry {
            let took = SystemClock.now().monotonic - began;
            crate::metrics::connected(took, established.as_ref().err(), progress.stage());
        }
        established
    }

    /// What a pass needs before it begins.
    async fn prepare<D: Driver>(
        &self,
        pass: &mut Pass,
        progress: &Progress,
    ) -> Result<Login, Error> {
        let login = match pass.login.take() {
            Some(login) => login,
            None => self.0.logins.next(progress).await?,
        };
        if !D::BRINGS_TLS {
            progress.enter(Stage::TlsSetup);
            self.tls().await?;
        }
        // What may be left to wait for.
        progress.enter(Stage::Dns);
        Ok(login)
    }

    /// The pass that follows a failed one: at once if a newer token or newer certificate authorities may
    /// mend it, after a pause if it may pass. Else there is none, and the error is returned.
    async fn next_pass(
        &self,
        pass: Pass,
        error: Error,
        login: Option<Login>,
        patience: Patience,
        progress: &Progress,
    ) -> Result<Pass, Error> {
        let error = match (error, login) {
            (Error::Rejected(rejection), Some(login)) if !pass.token_is_renewed => {
                match self.0.logins.renewed(&login, rejection, progress).await {
                    Ok(login) => return Ok(pass.again_with(login, true)),
                    Err(error) => error,
                }
            }
            (Error::Tls(refused), Some(login)) if refused.kind() == TlsErrorKind::Certificate => {
                if self.0.tls.renew(pass.began) {
                    let token_is_renewed = pass.token_is_renewed;
                    return Ok(pass.again_with(login, token_is_renewed));
                }
                Error::Tls(refused)
            }
            (error, _) => error,
        };
        let wait = jittered(pass.pause);
        let deadline = progress.deadline();
        let is_hopeless = matches!(error, Error::Token(_)) && self.0.logins.is_hopeless(deadline);
        let is_too_late = is_hopeless || SystemClock.now().monotonic + wait >= deadline;
        if patience == Patience::Once || !error.is_transient() || is_too_late {
            return Err(self.advised(error));
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
        Ok(pass.next())
    }

    /// The error at the deadline. While a token is waited for, the identity service may have answered, if
    /// not with a token.
    fn timed_out(&self, progress: &Progress) -> Error {
        let answer = self.0.logins.last_attempt().filter(|_| progress.stage() == Stage::Token);
        if let Some(error) = answer {
            progress.failed_unless_rejected(error.into());
        }
        progress.timed_out()
    }

    /// With the hint that another login was there, if the one that was refused may be an accident, or that
    /// its user has another server's form.
    fn advised(&self, error: Error) -> Error {
        use RejectionReason::{AuthenticationFailed, RoleMissing};
        match error {
            Error::Rejected(rejection)
                if matches!(rejection.reason(), AuthenticationFailed | RoleMissing) =>
            {
                let settings = self.settings();
                let by_form = || of_single_server(rejection.user(), settings.first_host().name());
                let advice = settings.password_advice().or_else(by_form);
                rejection.with_advice(advice).into()
            }
            error => error,
        }
    }

    /// The name and the secret to log in with now.
    pub(super) async fn current_login(&self) -> Result<Login, Error> {
        let progress = self.progress();
        let work = self.0.logins.next(&progress);
        until(progress.deadline(), work).await.unwrap_or_else(|| Err(self.timed_out(&progress)))
    }
}

/// What to do if the user's name ends with that of the server, as those of Azure's retired Single Server did.
fn of_single_server(user: &str, host: &str) -> Option<String> {
    let (name, server) = user.rsplit_once('@')?;
    let is_server = host.split('.').next().is_some_and(|label| label.eq_ignore_ascii_case(server));
    is_server.then(|| {
        format!(
            "write the user without the server, \"{name}\": user@server was the form of the retired Single \
             Server, and is no role here"
        )
    })
}

/// Between three quarters of the pause and the whole, so that clients that failed together don't come
/// back together.
fn jittered(pause: Duration) -> Duration {
    pause - random::up_to(pause / 4)
}
