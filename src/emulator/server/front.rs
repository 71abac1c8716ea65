//! What stands before the cluster: ends TLS, asks for the password, judges it, and passes the rest on.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split},
    net::{TcpListener, TcpStream, UnixStream},
    time::{sleep, timeout},
};
use tokio_rustls::{Accept, TlsAcceptor};

use super::{
    ServerFault,
    roles::{RoleMapping, Roles},
    verdict::Judge,
};
use crate::{
    emulator::{certificate, cluster::Cluster, lock, mint::Mint, net},
    secret::Secret,
    wire::{self, Opening, Refusal, Startup},
};

/// The server's own default (`authentication_timeout`).
const LOGIN_LIMIT: Duration = Duration::from_secs(60);
/// The first byte of a TLS handshake, which a PostgreSQL message can't begin with.
const TLS_HANDSHAKE: u8 = 0x16;

pub(crate) struct Front {
    pub(crate) cluster: Cluster,
    pub(crate) mint: Arc<Mint>,
    pub(crate) role_password: Secret,
    pub(crate) acceptor: Mutex<TlsAcceptor>,
    pub(crate) fault: Mutex<Option<ServerFault>>,
    /// Access tokens with a number up to this one count as expired.
    pub(crate) expired_up_to: AtomicU64,
    pub(crate) counts: Counts,
}

/// What clients have done so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicUsize,
    pub(crate) passwords: AtomicUsize,
    pub(crate) accepted: AtomicUsize,
    pub(crate) rejected: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// Serves connections for ever.
pub(crate) async fn listen(listener: TcpListener, front: Arc<Front>) {
    net::serve(listener, |socket| {
        let front = Arc::clone(&front);
        // A broken connection is the client's to notice.
        async move { drop(front.serve(socket).await) }
    })
    .await;
}

impl Front {
    async fn serve(&self, socket: TcpStream) -> io::Result<()> {
        count(&self.counts.connections);
        let fault = lock(&self.fault).clone();
        match fault {
            Some(ServerFault::Silent) => return net::swallow(socket).await,
            Some(ServerFault::Reset) => return reset(socket).await,
            Some(ServerFault::Delay(delay)) => sleep(delay).await,
            _ => {}
        }
        socket.set_nodelay(true)?;
        let has_tls = fault != Some(ServerFault::NoTls);
        if has_tls && starts_with_tls(&socket).await? {
            return self.serve_direct_tls(socket).await;
        }
        self.negotiate(socket, has_tls).await
    }

    /// Answers requests for encryption until the connection is encrypted, or begins without.
    async fn negotiate(&self, mut socket: TcpStream, has_tls: bool) -> io::Result<()> {
        loop {
            match timeout(LOGIN_LIMIT, wire::read_opening(&mut socket)).await?? {
                Opening::Ssl if has_tls => {
                    socket.write_all(b"S").await?;
                    let stream = timeout(LOGIN_LIMIT, self.accept_tls(socket)).await??;
                    return self.serve_encrypted(stream).await;
                }
                Opening::Ssl | Opening::GssEncryption => socket.write_all(b"N").await?,
                Opening::Cancel(request) => return self.cancel(&request).await,
                Opening::Startup(startup) if has_tls => {
                    return wire::refuse(&mut socket, &not_encrypted(&startup)).await;
                }
                Opening::Startup(startup) => return self.session(socket, startup).await,
            }
        }
    }

    /// TLS without the PostgreSQL request before it. The server insists on the protocol's name there.
    async fn serve_direct_tls(&self, socket: TcpStream) -> io::Result<()> {
        let stream = timeout(LOGIN_LIMIT, self.accept_tls(socket)).await??;
        if stream.get_ref().1.alpn_protocol() != Some(certificate::ALPN) {
            return Ok(());
        }
        self.serve_encrypted(stream).await
    }

    /// The handshake, with the certificate that the server has now.
    fn accept_tls(&self, socket: TcpStream) -> Accept<TcpStream> {
        lock(&self.acceptor).accept(socket)
    }

    async fn serve_encrypted<S>(&self, mut stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if *lock(&self.fault) == Some(ServerFault::SilentAfterTls) {
            return net::swallow(stream).await;
        }
        match timeout(LOGIN_LIMIT, wire::read_opening(&mut stream)).await?? {
            Opening::Startup(startup) => self.session(stream, startup).await,
            Opening::Cancel(request) => self.cancel(&request).await,
            Opening::Ssl | Opening::GssEncryption => Ok(()),
        }
    }

    async fn session<S>(&self, mut stream: S, startup: Startup) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.is_starting_up() {
            return wire::refuse(&mut stream, &starting_up()).await;
        }
        let password = timeout(LOGIN_LIMIT, wire::ask_password(&mut stream)).await??;
        count(&self.counts.passwords);
        if *lock(&self.fault) == Some(ServerFault::CloseAfterPassword) {
            return Ok(());
        }
        let mapping = match Roles(&self.cluster).mapping(&startup.user()).await {
            Ok(mapping) => mapping,
            Err(error) => return wire::refuse(&mut stream, &not_looked_up(&error)).await,
        };
        if let Err(refusal) = self.judge(&startup.user(), mapping.as_ref(), &password) {
            count(&self.counts.rejected);
            return wire::refuse(&mut stream, &refusal).await;
        }
        let Ok(mut backend) = self.cluster.dial().await else {
            return wire::refuse(&mut stream, &starting_up()).await;
        };
        count(&self.counts.accepted);
        backend.write_all(&startup.to_bytes()).await?;
        splice(stream, backend).await
    }

    fn judge(
        &self,
        role: &str,
        mapping: Option<&RoleMapping>,
        password: &str,
    ) -> Result<(), Refusal> {
        if let Some(ServerFault::Refuse { sqlstate, message }) = &*lock(&self.fault) {
            return Err(Refusal::new(sqlstate, message));
        }
        let judge = Judge {
            mint: &self.mint,
            role_password: &self.role_password,
            expired_up_to: self.expired_up_to.load(Ordering::SeqCst),
        };
        judge.judge(role, mapping, password)
    }

    /// Whether this login is one of those that find the server starting up.
    fn is_starting_up(&self) -> bool {
        let mut fault = lock(&self.fault);
        let Some(ServerFault::StartingUp { times }) = fault.as_mut() else { return false };
        let is_starting_up = *times > 0;
        *times = times.saturating_sub(1);
        if *times == 0 {
            *fault = None;
        }
        is_starting_up
    }

    /// Passes a cancel request on. The server answers by closing, and so do we.
    async fn cancel(&self, request: &[u8]) -> io::Result<()> {
        let mut backend = self.cluster.dial().await?;
        backend.write_all(request).await?;
        backend.read_to_end(&mut Vec::new()).await.map(drop)
    }
}

/// Waits for the first byte and closes with a reset, as sockets do that may not linger.
#[allow(deprecated, reason = "its successor is newer than the oldest tokio that is supported")]
async fn reset(socket: TcpStream) -> io::Result<()> {
    socket.peek(&mut [0]).await?;
    socket.set_linger(Some(Duration::ZERO))
}

/// Passes bytes on in both directions until either side ends.
async fn splice<S>(client: S, backend: UnixStream) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = split(client);
    let (mut from_backend, mut to_backend) = backend.into_split();
    tokio::select! {
        _ = copy(&mut from_client, &mut to_backend) => {}
        _ = copy(&mut from_backend, &mut to_client) => {}
    }
    to_client.shutdown().await
}

async fn starts_with_tls(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    timeout(LOGIN_LIMIT, socket.peek(&mut first)).await??;
    Ok(first == [TLS_HANDSHAKE])
}

/// `invalid_authorization_specification`, with the server's words.
fn not_encrypted(startup: &Startup) -> Refusal {
    Refusal::new(
        "28000",
        format!(
            "no pg_hba.conf entry for host \"127.0.0.1\", user \"{}\", database \"{}\", no encryption",
            startup.user(),
            startup.database()
        ),
    )
}

/// Why the role could not be looked up: the server's own words, if it has any.
fn not_looked_up(error: &tokio_postgres::Error) -> Refusal {
    error
        .as_db_error()
        .map_or_else(starting_up, |error| Refusal::new(error.code().code(), error.message()))
}

/// `cannot_connect_now`, with the server's words.
fn starting_up() -> Refusal {
    Refusal::new("57P03", "the database system is starting up")
}
