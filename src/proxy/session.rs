//! One session from its start-up to its end, and what all sessions share.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Semaphore, watch},
    time::timeout,
};

use super::{
    ProxyStats,
    cancel::CancelKeys,
    pump::{Ended, pump},
    refusal,
    shutdown::{LONGEST_GOODBYE, Phase},
    stats::{Counters, count},
    upstream::{Upstream, UpstreamDriver},
};
#[cfg(feature = "metrics")]
use crate::metrics::{self, ProxySession};
use crate::{
    clock::{Clock, SystemClock},
    connector::Connector,
    error::Error,
    excerpt::excerpt,
    wire::{self, Refusal, Startup},
};

/// What a program may send before the server has let it in. Drivers send nothing.
const EARLY: usize = 4 * 1024;

/// The server answers a cancel request by hanging up.
const CANCEL_LIMIT: Duration = Duration::from_secs(10);

/// What the sessions of a proxy share.
#[derive(Debug)]
pub(super) struct Sessions {
    connector: Connector,
    limit: u32,
    /// One permit a session.
    permits: Semaphore,
    phase: watch::Sender<Phase>,
    cancel_keys: CancelKeys,
    counters: Counters,
    latest: AtomicU64,
}

impl Sessions {
    pub(super) fn new(connector: Connector, limit: u32) -> Self {
        Self {
            connector,
            limit,
            permits: Semaphore::new(limit as usize),
            phase: watch::Sender::new(Phase::Serving),
            cancel_keys: CancelKeys::default(),
            counters: Counters::default(),
            latest: AtomicU64::new(0),
        }
    }

    pub(super) fn stats(&self) -> ProxyStats {
        let open = self.limit as usize - self.permits.available_permits();
        self.counters.snapshot(open)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Whether all sessions end within this time. For when no new ones begin.
    pub(super) async fn ended_within(&self, limit: Duration) -> bool {
        timeout(limit, self.permits.acquire_many(self.limit)).await.is_ok()
    }

    pub(super) fn refused(&self, reason: &'static str) {
        count(&self.counters.refused);
        #[cfg(feature = "metrics")]
        metrics::proxy_session(ProxySession::Refused);
        tracing::warn!(target: "postgres_entra::proxy", reason, "a program was refused");
    }

    /// Serves a program to the end of its session.
    pub(super) async fn serve<S>(self: Arc<Self>, mut program: S, startup: Startup)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Ok(_permit) = self.permits.try_acquire() else {
            self.refused("there are as many sessions as there may be");
            return self.tell(&mut program, &refusal::too_many()).await;
        };
        if *self.phase.borrow() != Phase::Serving {
            return self.tell(&mut program, &refusal::shutting_down()).await;
        }
        #[cfg(feature = "metrics")]
        let _open = metrics::OpenProxySession::new();
        let session = Session {
            shared: &self,
            number: self.latest.fetch_add(1, Ordering::Relaxed) + 1,
            startup,
        };
        select(pin!(session.run(&mut program)), pin!(self.reached(Phase::Ended))).await;
    }

    /// Sends a cancel request on to the server that its session is on. Its sender is told nothing, as a
    /// server tells nothing.
    pub(super) async fn cancel(&self, request: &[u8]) {
        let Some(server) = self.cancel_keys.server_of(request) else {
            return self.refused("no session has the key of its cancel request");
        };
        count(&self.counters.cancelled);
        tracing::debug!(
            target: "postgres_entra::proxy",
            server = %server,
            "a query is to be cancelled"
        );
        let sent = async {
            let mut stream = self.connector.stream_to(&server).await?;
            // The server says nothing and hangs up, which libraries have different words for.
            let _ = timeout(CANCEL_LIMIT, async {
                stream.write_all(request).await?;
                stream.flush().await?;
                stream.read(&mut [0]).await
            })
            .await;
            Ok::<_, Error>(())
        };
        if let Err(error) = sent.await {
            tracing::warn!(
                target: "postgres_entra::proxy",
                error = &error as &dyn std::error::Error,
                "a query could not be cancelled"
            );
        }
    }

    /// Sends a program its last message, for as long as a goodbye may take.
    async fn tell<S: AsyncWrite + Unpin>(&self, program: &mut S, refusal: &Refusal) {
        // It may have left.
        let _ = timeout(LONGEST_GOODBYE, wire::refuse(program, refusal)).await;
    }

    async fn reached(&self, phase: Phase) {
        // The sender is our own, so it can't be gone.
        let _ = self.phase.subscribe().wait_for(|current| *current >= phase).await;
    }
}

/// One session.
struct Session<'a> {
    shared: &'a Sessions,
    number: u64,
    startup: Startup,
}

impl Session<'_> {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(&self, program: &mut S) {
        let mut early = Vec::new();
        match self.open(program, &mut early).await {
            Opened::Session(Ok(upstream)) => self.carry(program, upstream, early).await,
            Opened::Session(Err(error)) => {
                self.failed(&error);
                self.shared.tell(program, &refusal::of_error(&error)).await;
            }
            Opened::ProgramLeft => {}
            Opened::ShuttingDown => {
                self.shared.tell(program, &refusal::shutting_down()).await;
            }
        }
    }

    /// Logs in to the server for as long as that is wanted.
    async fn open<S: AsyncRead + Unpin>(&self, program: &mut S, early: &mut Vec<u8>) -> Opened {
        let driver = UpstreamDriver::new(&self.startup, self.shared.connector.settings());
        let opened = pin!(self.shared.connector.open(&driver));
        let left = pin!(left(program, early));
        let ending = pin!(self.shared.reached(Phase::Ending));
        match select(opened, select(left, ending)).await {
            Either::Left((opened, _)) => Opened::Session(opened),
            Either::Right((Either::Left(_), _)) => Opened::ProgramLeft,
            Either::Right((Either::Right(_), _)) => Opened::ShuttingDown,
        }
    }

    /// Carries a session that the server has begun.
    async fn carry<S>(&self, program: &mut S, mut upstream: Upstream, early: Vec<u8>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let began = SystemClock.now().monotonic;
        self.began(&upstream);
        let keys = &self.shared.cancel_keys;
        keys.insert(&upstream.cancel_key, upstream.server.clone());
        let ended = async {
            program.write_all(&upstream.greeting).await?;
            upstream.greeting = Vec::new();
            pump(program, &mut upstream.stream, early, self.shared.reached(Phase::Ending)).await
        };
        // A connection that broke has ended.
        let ended = ended.await.unwrap_or(Ended::ByEither);
        keys.remove(&upstream.cancel_key);
        drop(upstream);
        match ended {
            Ended::BetweenMessages => {
                self.shared.tell(program, &refusal::ended_by_administrator()).await;
            }
            Ended::ByEither => drop(timeout(LONGEST_GOODBYE, program.shutdown()).await),
        }
        tracing::info!(
            target: "postgres_entra::proxy",
            session = self.number,
            seconds = began.elapsed().as_secs_f64(),
            "a session ended"
        );
    }

    fn began(&self, upstream: &Upstream) {
        count(&self.shared.counters.opened);
        #[cfg(feature = "metrics")]
        metrics::proxy_session(ProxySession::Opened);
        tracing::info!(
            target: "postgres_entra::proxy",
            session = self.number,
            program_user = excerpt(&self.startup.user(), &[]),
            role = upstream.role,
            server = %upstream.server,
            "a session began"
        );
    }

    fn failed(&self, error: &Error) {
        count(&self.shared.counters.failed);
        #[cfg(feature = "metrics")]
        metrics::proxy_session(ProxySession::Failed);
        tracing::warn!(
            target: "postgres_entra::proxy",
            session = self.number,
            program_user = excerpt(&self.startup.user(), &[]),
            error = error as &dyn std::error::Error,
            "a session could not be opened"
        );
    }
}

/// How a login to the server went.
enum Opened {
    Session(Result<Upstream, Error>),
    ProgramLeft,
    ShuttingDown,
}

/// Waits until the program leaves, and keeps the little that it may send before its session has begun.
async fn left<S: AsyncRead + Unpin>(program: &mut S, early: &mut Vec<u8>) {
    while early.len() < EARLY {
        let room = EARLY - early.len();
        match program.take(room as u64).read_buf(early).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    std::future::pending::<()>().await;
}
