//! The stream type that both TLS libraries share.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{Socket, tls::ChannelBinding};

use super::Allowance;

/// An encrypted connection to a server whose certificate was verified.
pub struct TlsStream {
    inner: Inner,
    allowance: Option<Allowance>,
}

enum Inner {
    #[cfg(feature = "native-tls")]
    NativeTls(postgres_native_tls::TlsStream<Socket>),
    #[cfg(feature = "rustls")]
    Rustls(Box<tokio_rustls::client::TlsStream<Socket>>),
}

impl TlsStream {
    /// Fails reads once the allowance is used up.
    pub(crate) fn limited(self, allowance: Allowance) -> Self {
        Self { allowance: Some(allowance), ..self }
    }

    #[cfg(feature = "native-tls")]
    pub(super) fn native(stream: postgres_native_tls::TlsStream<Socket>) -> Self {
        Self { inner: Inner::NativeTls(stream), allowance: None }
    }

    #[cfg(feature = "rustls")]
    pub(super) fn rustls(stream: tokio_rustls::client::TlsStream<Socket>) -> Self {
        Self { inner: Inner::Rustls(Box::new(stream)), allowance: None }
    }
}

/// Evaluates an expression for the stream of whichever library is in use.
macro_rules! with_stream {
    ($inner:expr, $stream:ident => $result:expr) => {
        match $inner {
            #[cfg(feature = "native-tls")]
            Inner::NativeTls($stream) => $result,
            #[cfg(feature = "rustls")]
            Inner::Rustls($stream) => $result,
        }
    };
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = with_stream!(&mut self.inner, stream => Pin::new(stream).poll_read(cx, buffer));
        match (&self.allowance, read) {
            (Some(allowance), Poll::Ready(Ok(()))) => {
                Poll::Ready(allowance.spend(buffer.filled().len() - before))
            }
            (_, read) => read,
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(&mut self.inner, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl tokio_postgres::tls::TlsStream for TlsStream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.inner {
            #[cfg(feature = "native-tls")]
            Inner::NativeTls(stream) => stream.channel_binding(),
            // rustls offers no tls-server-end-point. Only SCRAM passwords could use it; with it
            // absent they log in with plain SCRAM.
            #[cfg(feature = "rustls")]
            Inner::Rustls(_) => ChannelBinding::none(),
        }
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsStream").finish_non_exhaustive()
    }
}
