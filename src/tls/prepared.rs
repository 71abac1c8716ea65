//! When a TLS connector is built, and when again.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{SetUpError, TlsConnector, TlsSetUp};
use crate::{
    background::Background,
    clock::{Clock, SystemClock},
    error::{Error, TlsError, TlsErrorKind},
};

/// The shortest time from one build after a refused certificate to the next. Building takes some 55 ms
/// of work with native-tls, and a certificate that no new file mends is refused at every connect.
const REBUILD_PAUSE: Duration = Duration::from_secs(5);

/// The TLS connector of one [`Connector`](crate::connector::Connector): built once, on a thread of its
/// own, and anew if a server's certificate is refused: the file in `sslrootcert` or the system's store
/// may have changed since, as they do when a certificate authority is replaced.
#[derive(Debug)]
pub(crate) struct PreparedTls {
    set_up: TlsSetUp,
    latest: Mutex<Option<Build>>,
}

#[derive(Clone, Debug)]
struct Build {
    began: Instant,
    /// Whether a refused certificate was the reason for it.
    is_renewal: bool,
    work: Background<Result<TlsConnector, SetUpError>>,
}

impl PreparedTls {
    pub(crate) fn new(set_up: TlsSetUp) -> Self {
        Self { set_up, latest: Mutex::new(None) }
    }

    /// Has the connector built, unless it is there or about to be. Doesn't wait.
    pub(crate) fn begin(&self) {
        // Should the system have no thread left, whoever needs the connector hears of it.
        let _ = self.latest();
    }

    /// Waits for the connector. Cancel safe.
    pub(crate) async fn get(&self) -> Result<TlsConnector, Error> {
        let build = self.latest()?;
        match build.work.result().await {
            Ok(built) => Ok(built?),
            Err(panicked) => Err(set_up_failed(panicked).into()),
        }
    }

    /// After a refused certificate: whether there is a connector, or will be, that was begun after this
    /// time, and so from what the files hold now.
    pub(crate) fn renew(&self, since: Instant) -> bool {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemClock.now().monotonic;
        match &*latest {
            Some(build) if build.began > since => true,
            Some(build) if build.is_renewal && now - build.began < REBUILD_PAUSE => false,
            _ => match self.start(now, true) {
                Ok(build) => {
                    *latest = Some(build);
                    true
                }
                Err(_) => false,
            },
        }
    }

    /// The build that is done or under way. One that failed is begun again: the file may be there now.
    fn latest(&self) -> Result<Build, TlsError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some(build) if !build.has_failed() => Ok(build.clone()),
            _ => {
                let build = self.start(SystemClock.now().monotonic, false)?;
                *latest = Some(build.clone());
                Ok(build)
            }
        }
    }

    fn start(&self, began: Instant, is_renewal: bool) -> Result<Build, TlsError> {
        let set_up = self.set_up.clone();
        let work = Background::start("tls-set-up", move || {
            let built = TlsConnector::build(&set_up);
            #[cfg(feature = "metrics")]
            crate::metrics::tls_set_up(built.is_ok());
            built
        });
        Ok(Build { began, is_renewal, work: work.map_err(set_up_failed)? })
    }
}

impl Build {
    fn has_failed(&self) -> bool {
        matches!(self.work.outcome(), Some(Err(_) | Ok(Err(_))))
    }
}

fn set_up_failed(cause: impl std::error::Error + Send + Sync + 'static) -> TlsError {
    TlsError::new(TlsErrorKind::Setup, None, Some(cause.into()))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::{config::SslNegotiation, tls::TlsBackend};

    fn prepared(root_cert: Option<&std::path::Path>) -> PreparedTls {
        PreparedTls::new(TlsSetUp {
            backend: TlsBackend::default(),
            root_cert: root_cert.map(Into::into),
            negotiation: SslNegotiation::Postgres,
        })
    }

    fn now() -> Instant {
        SystemClock.now().monotonic
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_certificate_has_it_built_anew_at_most_every_few_seconds() {
        let tls = prepared(None);
        tls.begin();
        tls.get().await.unwrap();
        advance(Duration::from_millis(1)).await;
        let refused_at = now();
        assert!(tls.renew(refused_at), "the file may have changed since the first");
        advance(REBUILD_PAUSE / 2).await;
        assert!(!tls.renew(now()), "once");
        assert!(tls.renew(refused_at - Duration::from_millis(1)), "for all who used the old one");
        tls.get().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_there_later_is_read_later() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let tls = prepared(Some(&file));
        assert!(tls.get().await.unwrap_err().is_config());
        let bundle = crate::tls::system_bundle().expect("the tests' machines have one");
        std::fs::copy(bundle, &file).unwrap();
        tls.get().await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_without_end_is_not_read_to_its_end() {
        let error = prepared(Some("/dev/zero".as_ref())).get().await.unwrap_err();
        assert!(error.is_config(), "{error}");
    }
}
