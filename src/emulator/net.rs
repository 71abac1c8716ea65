//! Sockets on loopback.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, copy, sink},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::EmulatorError;

/// Keeps a lack of file descriptors from becoming a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Listens on a port that the operating system chooses.
pub(crate) async fn bind() -> Result<(TcpListener, SocketAddr), EmulatorError> {
    let bind_failed = || EmulatorError::io("listen on 127.0.0.1");
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any_port).await.map_err(bind_failed())?;
    let address = listener.local_addr().map_err(bind_failed())?;
    Ok((listener, address))
}

/// Serves each connection in a task of its own, for ever.
pub(crate) async fn serve<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(serve(socket))),
            // Out of file descriptors, or a client that left: neither ends the service.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Reads all that comes and answers nothing, until the client gives up.
pub(crate) async fn swallow<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<()> {
    copy(&mut stream, &mut sink()).await.map(drop)
}
