//! The HTTP listener of the identity service, and its faults.

use std::{future, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    IdentityFault, Protocol, Shared, app_service, discovery, entra,
    entra_error::EntraError,
    imds,
    message::{Fields, Reply, Request},
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
    net::serve(listener, |socket| serve(socket, Arc::clone(&shared))).await;
}

/// The same over TLS.
pub(crate) async fn listen_with_tls(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
) {
    net::serve(listener, |socket| {
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        async move {
            // Whoever does not trust the certificate has to notice that.
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_LIMIT, acceptor.accept(socket)).await {
                serve(stream, shared).await;
            }
        }
    })
    .await;
}

async fn serve<S>(socket: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match shared.fault() {
        Some(IdentityFault::Outage) => {}
        Some(IdentityFault::Silent) => drop(net::swallow(socket).await),
        _ => {
            let service = service_fn(|request| handle(request, &shared));
            // A broken connection is the client's to notice.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        }
    }
}

async fn handle(
    request: hyper::Request<Incoming>,
    shared: &Shared,
) -> Result<Response<Full<Bytes>>, Closed> {
    let protocol = protocol_of(request.uri().path());
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
        IdentityFault::Status(status) => Ok(failure(protocol, status)),
        IdentityFault::RetryAfter { status, seconds } => {
            Ok(Reply { retry_after: Some(seconds), ..failure(protocol, status) })
        }
        IdentityFault::Body { status, content_type, body } => {
            Ok(Reply::new(status, &content_type, body))
        }
    }
}

async fn answer(protocol: Protocol, request: hyper::Request<Incoming>, shared: &Shared) -> Reply {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return failure(protocol, 413);
    };
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().trim_end_matches('/').to_owned(),
        query: Fields::parse(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body: body.to_bytes().into(),
    };
    let authority = &shared.authority;
    match protocol {
        Protocol::Imds => imds::answer(authority, &request),
        Protocol::AppService => app_service::answer(authority, &request),
        Protocol::Entra => discovery::answer(authority, &shared.https_url, &request)
            .unwrap_or_else(|| entra::answer(authority, &request)),
        Protocol::Unknown => nothing_here(&request.path),
    }
}

fn protocol_of(path: &str) -> Protocol {
    match path.strip_suffix('/').unwrap_or(path) {
        imds::PATH => Protocol::Imds,
        app_service::PATH => Protocol::AppService,
        path if entra::tenant_of(path).is_some() || discovery::is_document(path) => Protocol::Entra,
        _ => Protocol::Unknown,
    }
}

/// A refusal for no reason of the request's, in the protocol's own form.
fn failure(protocol: Protocol, status: u16) -> Reply {
    const TEXT: &str = "The service can't answer now.";
    match protocol {
        Protocol::AppService => app_service::error(status, TEXT),
        Protocol::Entra => EntraError::OutOfOrder(status).reply(),
        Protocol::Imds | Protocol::Unknown => imds::error(status, "unknown", TEXT),
    }
}

/// The paths that there are, since a path that is wrong in one letter looks right.
fn nothing_here(path: &str) -> Reply {
    let text = format!(
        "the local Azure has nothing at {path}; it has {}, {} and the paths of Microsoft Entra ID \
         below a tenant's id",
        imds::PATH,
        app_service::PATH
    );
    imds::error(404, "not_found", &text)
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = status;
    if let Ok(content_type) = reply.content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(seconds) = reply.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
