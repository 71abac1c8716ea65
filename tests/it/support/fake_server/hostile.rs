//! Servers that go wrong at one step of the login, and do everything right before it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{FakeServer, Received};

/// What has just happened when the server goes wrong; in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Accepted,
    TlsRequested,
    TlsAgreed,
    StartupReceived,
    PasswordReceived,
    Authenticated,
}

/// What it does then.
#[derive(Clone, Debug)]
pub enum Misdeed {
    /// Resets the connection.
    Reset,
    /// Closes the connection in order: what a server does that restarts.
    Close,
    /// Closes it without a word, encrypted or not: what is left of a process that was killed.
    HangUp,
    /// Says nothing more, and keeps the connection open.
    Stall,
    /// Sends these bytes and nothing more, and keeps the connection open.
    Send(Vec<u8>),
    /// Sends these bytes and closes the connection in order.
    SendAndClose(Vec<u8>),
    /// Sends the first bytes once and the second after whatever the client sends.
    Answer(Vec<u8>, Vec<u8>),
    /// Sends the first bytes once and the second for as long as the client takes them.
    Flood(Vec<u8>, Vec<u8>),
}

/// How many bytes clients took of a flood.
#[derive(Clone, Default)]
pub struct Flooded(Arc<AtomicU64>);

impl Flooded {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::TlsRequested,
        Self::TlsAgreed,
        Self::StartupReceived,
        Self::PasswordReceived,
        Self::Authenticated,
    ];

    /// Those at which the connection is encrypted and the server is proven to be the right one.
    pub const ENCRYPTED: [Self; 3] =
        [Self::StartupReceived, Self::PasswordReceived, Self::Authenticated];
}

#[derive(Clone)]
struct Script {
    acceptor: TlsAcceptor,
    step: Step,
    misdeed: Misdeed,
    flooded: Flooded,
    direct: bool,
}

impl FakeServer {
    /// A server with this identity that goes wrong in this way at this step of each login.
    pub async fn hostile(acceptor: TlsAcceptor, step: Step, misdeed: Misdeed) -> (Self, Flooded) {
        Self::hostile_on(super::listener().await, acceptor, step, misdeed)
    }

    /// The same for clients that begin TLS without asking for it.
    pub async fn hostile_with_direct_tls(
        acceptor: TlsAcceptor,
        step: Step,
        misdeed: Misdeed,
    ) -> (Self, Flooded) {
        let flooded = Flooded::default();
        let script = Script { acceptor, step, misdeed, flooded: flooded.clone(), direct: true };
        (Self::start_script(super::listener().await, script), flooded)
    }

    /// The same on a listener of the caller's.
    pub fn hostile_on(
        listener: TcpListener,
        acceptor: TlsAcceptor,
        step: Step,
        misdeed: Misdeed,
    ) -> (Self, Flooded) {
        let flooded = Flooded::default();
        let script = Script { acceptor, step, misdeed, flooded: flooded.clone(), direct: false };
        (Self::start_script(listener, script), flooded)
    }

    fn start_script(listener: TcpListener, script: Script) -> Self {
        Self::start_on(listener, move |stream, received| {
            let script = script.clone();
            // A client that hangs up has seen enough.
            async move { drop(script.serve(stream, received).await) }
        })
    }
}

impl Script {
    async fn serve(&self, mut stream: TcpStream, received: Received) -> std::io::Result<()> {
        if matches!(self.misdeed, Misdeed::Reset) {
            stream.set_zero_linger()?;
        }
        if self.step == Step::Accepted {
            return self.go_wrong(stream, &received).await;
        }
        if self.direct {
            return self.serve_encrypted(self.acceptor.accept(stream).await?, received).await;
        }
        received.take(&mut stream, 8).await;
        if self.step == Step::TlsRequested {
            return self.go_wrong(stream, &received).await;
        }
        stream.write_all(b"S").await?;
        if self.step == Step::TlsAgreed {
            return self.go_wrong(stream, &received).await;
        }
        self.serve_encrypted(self.acceptor.accept(stream).await?, received).await
    }

    async fn serve_encrypted<S>(&self, mut stream: S, received: Received) -> std::io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let length = stream.read_u32().await?;
        received.take(&mut stream, length as usize - 4).await;
        if self.step == Step::StartupReceived {
            return self.go_wrong(stream, &received).await;
        }
        stream.write_all(&message(b'R', &[0, 0, 0, 3])).await?;
        stream.flush().await?;
        let (_kind, length) = (stream.read_u8().await?, stream.read_u32().await?);
        received.take(&mut stream, length as usize - 4).await;
        if self.step == Step::PasswordReceived {
            return self.go_wrong(stream, &received).await;
        }
        stream.write_all(&message(b'R', &[0, 0, 0, 0])).await?;
        stream.flush().await?;
        self.go_wrong(stream, &received).await
    }

    async fn go_wrong<S>(&self, mut stream: S, received: &Received) -> std::io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match &self.misdeed {
            // A moment for what was sent before: a reset throws it away.
            Misdeed::Reset => tokio::time::sleep(Duration::from_millis(20)).await,
            Misdeed::Close => {
                stream.shutdown().await?;
                // What the client still sends is read: else the system would answer with a reset.
                received.drain(&mut stream).await;
            }
            Misdeed::HangUp => {
                if matches!(self.step, Step::Accepted | Step::TlsAgreed) {
                    // The client's turn: what it sends is read, or the system would send a reset.
                    let _ = stream.read(&mut [0; 4096]).await?;
                }
            }
            Misdeed::Stall => received.drain(&mut stream).await,
            Misdeed::Send(bytes) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
                received.drain(&mut stream).await;
            }
            Misdeed::SendAndClose(bytes) => {
                stream.write_all(bytes).await?;
                stream.shutdown().await?;
                received.drain(&mut stream).await;
            }
            Misdeed::Answer(first, again) => {
                stream.write_all(first).await?;
                stream.flush().await?;
                while stream.read(&mut [0; 4096]).await? > 0 {
                    stream.write_all(again).await?;
                    stream.flush().await?;
                }
            }
            Misdeed::Flood(first, again) => {
                stream.write_all(first).await?;
                loop {
                    stream.write_all(again).await?;
                    self.flooded.0.fetch_add(again.len() as u64, Ordering::SeqCst);
                }
            }
        }
        Ok(())
    }
}

/// A message of the protocol.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    message_of_length(kind, body.len() as u32 + 4, body)
}

/// A message that claims to have another length than it has.
pub fn message_of_length(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[kind], &length.to_be_bytes()[..], body].concat()
}
