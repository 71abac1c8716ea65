//! Where programs connect, and how far they get before they have said what they want.

#[cfg(unix)]
use std::path::PathBuf;
use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::AbortHandle,
    time::sleep,
};

use super::{
    ProxyBuilder, ProxyError,
    session::Sessions,
    start_up::{self, Refused, Wish},
};
#[cfg(unix)]
use super::{refusal, socket};
use crate::{secret::Secret, wire};

/// How many programs of one listener may be in their start-up. Whoever waits longest makes room for the
/// next: a program that is in earnest is through within a millisecond.
const START_UPS: usize = 200;

/// Keeps a lack of file descriptors from becoming a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What listens. Dropping it does not end that.
#[derive(Debug)]
pub(super) struct Listeners {
    tasks: Vec<AbortHandle>,
    address: Option<SocketAddr>,
    #[cfg(unix)]
    socket: Option<socket::SocketFile>,
}

pub(super) async fn start(
    builder: ProxyBuilder,
    sessions: &Arc<Sessions>,
) -> Result<Listeners, ProxyError> {
    let mut listeners = Listeners {
        tasks: Vec::new(),
        address: None,
        #[cfg(unix)]
        socket: None,
    };
    let gate = |password| Gate {
        sessions: Arc::clone(sessions),
        password,
        limit: builder.start_up_limit,
        start_ups: VecDeque::new(),
    };
    // The port first: it leaves nothing behind if the socket then fails.
    let tcp = match &builder.loopback {
        Some((port, password)) => Some((bind(*port).await?, password.clone())),
        None => None,
    };
    #[cfg(unix)]
    if let Some(folder) = &builder.socket_folder {
        let socket::Socket { listener, file, uids } =
            socket::listen(&absolute(folder)?, &builder.allowed_uids)?;
        listeners.socket = Some(file);
        let task = tokio::spawn(serve_socket(listener, uids, gate(None)));
        listeners.tasks.push(task.abort_handle());
    }
    if let Some(((listener, address), password)) = tcp {
        listeners.address = Some(address);
        let task = tokio::spawn(serve_port(listener, gate(Some(password.into()))));
        listeners.tasks.push(task.abort_handle());
    }
    Ok(listeners)
}

impl Listeners {
    #[cfg(unix)]
    pub(super) fn socket_folder(&self) -> Option<&Path> {
        self.socket.as_ref().map(socket::SocketFile::folder)
    }

    #[cfg(not(unix))]
    pub(super) fn socket_folder(&self) -> Option<&Path> {
        None
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Takes no more connections, and removes the socket.
    pub(super) fn close(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        #[cfg(unix)]
        self.socket.iter().for_each(socket::SocketFile::remove);
    }
}

/// Names the folder as programs must, whose working folder is another.
#[cfg(unix)]
fn absolute(folder: &Path) -> Result<PathBuf, ProxyError> {
    let failed = ProxyError::io(format!("find the folder {}", folder.display()), "name it in full");
    std::path::absolute(folder).map_err(failed)
}

async fn bind(port: u16) -> Result<(TcpListener, SocketAddr), ProxyError> {
    let failed = || {
        let step = format!("listen on 127.0.0.1 port {port}");
        ProxyError::io(step, "name a port that is free, or 0 for any")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed())?;
    let address = listener.local_addr().map_err(failed())?;
    Ok((listener, address))
}

#[cfg(unix)]
async fn serve_socket(listener: tokio::net::UnixListener, uids: Vec<u32>, mut gate: Gate) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let uid = stream.peer_cred().map(|peer| peer.uid());
                let is_allowed = uid.as_ref().is_ok_and(|uid| uids.contains(uid));
                let refused = (!is_allowed).then(|| Refused {
                    answer: refusal::other_user(uid.unwrap_or(u32::MAX)),
                    reason: "its user is not allowed",
                });
                gate.admit(stream, refused);
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_port(listener: TcpListener, mut gate: Gate) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if stream.set_nodelay(true).is_ok() => gate.admit(stream, None),
            Ok(_) => {}
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// What programs pass through from the connection to the session.
struct Gate {
    sessions: Arc<Sessions>,
    password: Option<Arc<Secret>>,
    limit: Duration,
    start_ups: VecDeque<AbortHandle>,
}

impl Gate {
    /// Sees a program through its start-up. `refused` says why it gets no further.
    fn admit<S>(&mut self, stream: S, refused: Option<Refused>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if self.start_ups.len() >= START_UPS {
            self.start_ups.retain(|start_up| !start_up.is_finished());
        }
        if self.start_ups.len() >= START_UPS {
            self.start_ups.drain(..1).for_each(|oldest| oldest.abort());
            self.sessions.refused("too many others wait in their start-up");
        }
        let (sessions, password) = (Arc::clone(&self.sessions), self.password.clone());
        let start_up = start_up(sessions, stream, password, self.limit, refused);
        self.start_ups.push_back(tokio::spawn(start_up).abort_handle());
    }
}

async fn start_up<S>(
    sessions: Arc<Sessions>,
    mut stream: S,
    password: Option<Arc<Secret>>,
    limit: Duration,
    refused: Option<Refused>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wish = start_up::begin(&mut stream, password.as_deref(), limit).await;
    let wish = match (wish, refused) {
        (Ok(_), Some(refused)) => Ok(Wish::Nothing(refused)),
        (wish, _) => wish,
    };
    match wish {
        Ok(Wish::Session(startup)) => drop(tokio::spawn(sessions.serve(stream, startup))),
        Ok(Wish::Cancel(request)) => sessions.cancel(&request).await,
        Ok(Wish::Nothing(Refused { answer, reason })) => {
            sessions.refused(reason);
            // It may have left.
            let _ = tokio::time::timeout(limit, wire::refuse(&mut stream, &answer)).await;
        }
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            sessions.refused("it did not say what it wants in time");
        }
        // It left, as a program does that only looks whether somebody listens.
        Err(_) => {}
    }
}
