//! The HTTP listener of the identity service, and its faults.

use std::{future, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    IdentityFault, Protocol, Shared,
    message::Reply,
    routes::{self, Door},
};
use crate::emulator::net;

/// Many times what any protocol sends.
const LARGEST_BODY: usize = 256 * 1024;

/// Long for a client on the same machine.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the identity service is out of order")]
struct Closed;

/// Serves connections for ever.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    net::serve(listener, |socket| serve(socket, Door::Front, Arc::clone(&shared))).await;
}

/// The same over TLS.
pub(crate) async fn listen_with_tls(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
) {
    net::serve(listener, |socket| {
        serve_with_tls(socket, acceptor.clone(), Door::Front, Arc::clone(&shared))
    })
    .await;
}

/// The token proxy, over TLS with the certificate that it has just now.
pub(crate) async fn listen_as_token_proxy(listener: TcpListener, shared: Arc<Shared>) {
    net::serve(listener, |socket| {
        let acceptor = shared.token_proxy.acceptor();
        serve_with_tls(socket, acceptor, Door::TokenProxy, Arc::clone(&shared))
    })
    .await;
}

async fn serve_with_tls(socket: TcpStream, acceptor: TlsAcceptor, door: Door, shared: Arc<Shared>) {
    // Whoever does not trust the certificate has to notice that.
    if let Ok(Ok(stream)) = timeout(HANDSHAKE_LIMIT, acceptor.accept(socket)).await {
        serve(stream, door, shared).await;
    }
}

async fn serve<S>(socket: S, door: Door, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match shared.fault() {
        Some(IdentityFault::Outage) => {}
        Some(IdentityFault::Silent) => drop(net::swallow(socket).await),
        _ => {
            let service = service_fn(|request| handle(request, door, &shared));
            // A broken connection is the client's to notice.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        }
    }
}

async fn handle(
    request: hyper::Request<Incoming>,
    door: Door,
    shared: &Shared,
) -> Result<Response<Full<Bytes>>, Closed> {
    let protocol = routes::protocol_of(door, request.uri().path());
    let path_and_query = request.uri().path_and_query().map_or("", |text| text.as_str());
    let number = shared.log.arrived(protocol, request.method().as_str(), path_and_query);
    let reply = match shared.fault() {
        Some(fault) => misbehave(fault, protocol, request, shared).await?,
        None => answer(protocol, request, shared).await,
    };
    shared.log.answered(number, reply.status);
    Ok(response(reply))
}

async fn misbehave(
    fault: IdentityFault,
    protocol: Protocol,
    request: hyper::Request<Incoming>,
    shared: &Shared,
) -> Result<Reply, Closed> {
    match fault {
        IdentityFault::Outage => Err(Closed),
        IdentityFault::Silent => future::pending().await,
        IdentityFault::Delay(delay) => {
            sleep(delay).await;
            Ok(answer(protocol, request, shared).await)
        }
        IdentityFault::Status(status) => Ok(routes::failure(protocol, status)),
        IdentityFault::RetryAfter { status, seconds } => {
            Ok(Reply { retry_after: Some(seconds), ..routes::failure(protocol, status) })
        }
        IdentityFault::Body { status, content_type, body } => {
            Ok(Reply::new(status, &content_type, body))
        }
    }
}

async fn answer(protocol: Protocol, request: hyper::Request<Incoming>, shared: &Shared) -> Reply {
    let (head, body) = request.into_parts();
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => routes::answer(protocol, head, body.to_bytes().into(), shared),
        Err(_) => routes::failure(protocol, 413),
    }
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = status;
    if let Ok(content_type) = reply.content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(Ok(challenge)) = reply.challenge.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = reply.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
