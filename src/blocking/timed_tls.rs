//! TLS whose waits end, for a driver that nobody can interrupt.
//!
//! The async connector stops a login by dropping it. A thread inside `postgres` can't be stopped, and its
//! `connect_timeout` covers TCP alone; so here the stream itself fails once time is up. To be asked before
//! the server answers the request for TLS, it makes that request too: the driver is told that TLS begins
//! directly.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until, timeout_at},
};
use tokio_postgres::{
    Config, Socket,
    config::{SslMode, SslNegotiation as DriversNegotiation},
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect},
};

use crate::{
    clock::{Clock, SystemClock},
    config::{Settings, SslNegotiation},
    connector::progress::{ObservedHandshake, ObservedTls},
    error::TlsError,
    tls::{TlsStream, ask_for_tls},
};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// What connects a socket of the driver's to a server, until a point in time.
pub(super) struct TimedTls {
    tls: ObservedTls,
    opening: Opening,
    ends_at: Instant,
    control: StreamControl,
}

/// What comes first on a connection.
#[derive(Clone, Copy)]
enum Opening {
    /// The request for TLS, then the handshake.
    Request,
    /// The handshake.
    Handshake,
    /// The login, without TLS: a password, where the settings say so.
    Login,
}

/// What a stream is told from outside of the driver that owns it. Clones share it.
#[derive(Clone, Default)]
pub(super) struct StreamControl(Arc<Told>);

#[derive(Default)]
struct Told {
    login_over: AtomicBool,
    given_up: AtomicBool,
}

impl StreamControl {
    /// The time limit no longer holds.
    pub(super) fn login_is_over(&self) {
        self.0.login_over.store(true, Ordering::Relaxed);
    }

    /// The connection ends at once: a client that is dropped waits for the answers that are due.
    pub(super) fn give_up(&self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

impl TimedTls {
    pub(super) fn new(tls: ObservedTls, settings: &Settings, limit: Duration) -> Self {
        let opening = match (settings.uses_tls(), settings.ssl_negotiation()) {
            (false, _) => Opening::Login,
            (true, SslNegotiation::Postgres) => Opening::Request,
            (true, SslNegotiation::Direct) => Opening::Handshake,
        };
        let ends_at = SystemClock.now().after(limit).monotonic;
        Self { tls, opening, ends_at, control: StreamControl::default() }
    }

    /// What its stream is told by.
    pub(super) fn control(&self) -> StreamControl {
        self.control.clone()
    }

    /// Has the driver leave all of a connection's opening to this.
    pub(super) fn adapt(config: &mut Config) {
        config.ssl_mode(SslMode::Require).ssl_negotiation(DriversNegotiation::Direct);
    }
}

impl MakeTlsConnect<Socket> for TimedTls {
    type Stream = TimedStream;
    type TlsConnect = TimedHandshake;
    type Error = BoxedError;

    fn make_tls_connect(&mut self, host: &str) -> Result<TimedHandshake, BoxedError> {
        Ok(TimedHandshake {
            handshake: self.tls.make_tls_connect(host)?,
            host: host.to_owned(),
            opening: self.opening,
            ends_at: self.ends_at,
            control: self.control.clone(),
        })
    }
}

pub(super) struct TimedHandshake {
    handshake: ObservedHandshake,
    host: String,
    opening: Opening,
    ends_at: Instant,
    control: StreamControl,
}

impl TlsConnect<Socket> for TimedHandshake {
    type Stream = TimedStream;
    type Error = BoxedError;
    type Future = Pin<Box<dyn Future<Output = Result<TimedStream, BoxedError>> + Send>>;

    fn connect(self, mut socket: Socket) -> Self::Future {
        Box::pin(async move {
            let Self { handshake, host, opening, ends_at, control } = self;
            let open = async {
                let refusal = match opening {
                    Opening::Request => ask_for_tls(&mut socket).await?,
                    Opening::Handshake | Opening::Login => None,
                };
                if let Some(refusal) = refusal {
                    return Err(TlsError::new(refusal, Some(&host), None).into());
                }
                Ok::<_, BoxedError>(match opening {
                    Opening::Login => Inner::Plain(socket),
                    _ => Inner::Tls(handshake.connect(socket).await?),
                })
            };
            let inner = timeout_at(ends_at, open).await.map_err(|_| time_is_up())??;
            Ok(TimedStream { inner, limit: Some(Box::pin(sleep_until(ends_at))), control })
        })
    }
}

/// A connection that fails at a point in time, unless the login is over by then, and when it is given up.
pub(super) struct TimedStream {
    inner: Inner,
    limit: Option<Pin<Box<Sleep>>>,
    control: StreamControl,
}

enum Inner {
    Tls(TlsStream),
    Plain(Socket),
}

impl TimedStream {
    /// Fails once time is up; before that, sees to it that the caller is woken then.
    fn check_limit(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.control.0.given_up.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(limit) = &mut self.limit else { return Ok(()) };
        if self.control.0.login_over.load(Ordering::Relaxed) {
            self.limit = None;
            return Ok(());
        }
        match limit.as_mut().poll(cx) {
            Poll::Ready(()) => Err(time_is_up()),
            Poll::Pending => Ok(()),
        }
    }
}

fn time_is_up() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not answer in time")
}

/// Evaluates an expression for the stream of whichever kind it is.
macro_rules! with_stream {
    ($inner:expr, $stream:ident => $result:expr) => {
        match $inner {
            Inner::Tls($stream) => $result,
            Inner::Plain($stream) => $result,
        }
    };
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_limit(cx)?;
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_limit(cx)?;
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_limit(cx)?;
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl tokio_postgres::tls::TlsStream for TimedStream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.inner {
            Inner::Tls(stream) => stream.channel_binding(),
            Inner::Plain(_) => ChannelBinding::none(),
        }
    }
}
