//! HTTP without TLS, for identity endpoints on the machine itself.
//!
//! One connection a request, straight to the address in the URL. It knows no proxies, because IMDS does
//! not support them
//! ([documentation](https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#proxies)),
//! follows no redirects, and works in an image without certificate authorities.

use std::{io, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONNECTION, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};

use super::client::{Body, Failure, Request, Response};

/// The endpoint is a link-local or loopback address, a fraction of a millisecond away. Two seconds
/// leave room for one lost packet (TCP repeats after one) and tell a laptop soon that nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

const NO_ADDRESS: &str = "the URL is not a plain HTTP one";

pub(super) async fn send(request: Request) -> Result<Response, Failure> {
    let stream = connect(request.uri(), 80).await?;
    send_over(stream, request).await
}

/// The request over a connection that is there, which ends with it.
pub(super) async fn send_over<S>(stream: S, request: Request) -> Result<Response, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The set aborts its task when it is dropped: at the latest with the last part of the body.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(to_origin(request)?).await.map_err(broken)?;
    let (head, incoming) = answer.into_parts();
    let body = Body::Plain { incoming, driver };
    Ok(Response { status: head.status, headers: head.headers, body })
}

/// The next part of a body; nothing at the end.
pub(super) async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        // What is no data are trailers.
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

pub(super) async fn connect(uri: &Uri, default_port: u16) -> Result<TcpStream, Failure> {
    let Some(host) = uri.host() else { return Err(Failure::no_connection(NO_ADDRESS)) };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let connecting = TcpStream::connect((host, uri.port_u16().unwrap_or(default_port)));
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(Failure::no_connection),
        Err(_) => {
            let text = format!("no answer within {} s", CONNECT_TIMEOUT.as_secs());
            Err(Failure::no_connection(io::Error::new(io::ErrorKind::TimedOut, text)))
        }
    }
}

/// The request as a server expects it, with the path alone as its address.
fn to_origin(request: Request) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    let host = HeaderValue::try_from(authority).map_err(Failure::no_connection)?;
    head.headers.insert(HOST, host);
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let path = head.uri.path_and_query().cloned();
    head.uri = path.map(Uri::from).unwrap_or_default();
    Ok(hyper::Request::from_parts(head, Full::new(body)))
}

fn broken(error: hyper::Error) -> Failure {
    if error.is_parse() { Failure::unreadable(error) } else { Failure::broken(error) }
}
