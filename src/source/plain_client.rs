//! HTTP without TLS, for identity endpoints on the machine itself.

use std::{pin::Pin, time::Duration};

use azure_core::{
    Bytes, Error, Result,
    error::{ErrorKind, ResultExt},
    http::{
        AsyncRawResponse, Body, HttpClient, Request, Url,
        headers::{HeaderName, HeaderValue, Headers},
        response::PinnedStream,
    },
};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1, header::HeaderMap};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

/// The endpoint is a link-local or loopback address, a fraction of a millisecond away. Two seconds
/// leave room for one lost packet (TCP repeats after one) and tell a laptop soon that nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// One connection a request, straight to the address in the URL.
///
/// It knows no proxies, because IMDS does not support them
/// ([documentation](https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#proxies)),
/// follows no redirects, and works in an image without certificate authorities.
#[derive(Debug)]
pub(super) struct PlainClient;

impl HttpClient for PlainClient {
    fn execute_request<'client, 'request, 'future>(
        &'client self,
        request: &'request Request,
    ) -> Pin<Box<dyn Future<Output = Result<AsyncRawResponse>> + Send + 'future>>
    where
        'client: 'future,
        'request: 'future,
        Self: 'future,
    {
        Box::pin(execute(request))
    }
}

async fn execute(request: &Request) -> Result<AsyncRawResponse> {
    let stream = connect(request.url()).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The set aborts its task when it is dropped: at the latest with the last part of the body.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(to_hyper(request)?).await.map_err(broken)?;
    let status = response.status().as_u16().into();
    let headers = from_hyper(response.headers());
    Ok(AsyncRawResponse::new(status, headers, body(response.into_body(), driver)))
}

async fn connect(url: &Url) -> Result<TcpStream> {
    let (Some(host), Some(port), "http") =
        (url.host_str(), url.port_or_known_default(), url.scheme())
    else {
        return Err(Error::with_message(ErrorKind::Other, "the URL is not a plain HTTP one"));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
        Ok(connected) => connected.map_err(|error| Error::new(ErrorKind::Connection, error)),
        Err(elapsed) => Err(Error::new(ErrorKind::Connection, elapsed)),
    }
}

fn body(body: Incoming, driver: JoinSet<hyper::Result<()>>) -> PinnedStream {
    Box::pin(body.into_data_stream().map(move |chunk| {
        let _driven_by = &driver;
        chunk.map_err(broken)
    }))
}

fn to_hyper(request: &Request) -> Result<hyper::Request<Full<Bytes>>> {
    let Body::Bytes(body) = request.body() else {
        return Err(Error::with_message(ErrorKind::Other, "a streamed body is not supported"));
    };
    let url = request.url();
    let mut builder = hyper::Request::builder()
        .method(request.method().as_ref())
        .uri(request.path_and_query())
        .header("host", authority(url))
        .header("connection", "close");
    for (name, value) in request.headers().iter() {
        builder = builder.header(name.as_str(), value.as_str());
    }
    builder.body(Full::new(body.clone())).with_context(ErrorKind::Other, "the request is malformed")
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn from_hyper(map: &HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in map {
        if let Ok(value) = value.to_str() {
            let name = HeaderName::from(name.as_str().to_owned());
            headers.insert(name, HeaderValue::from(value.to_owned()));
        }
    }
    headers
}

fn broken(error: hyper::Error) -> Error {
    let kind = if error.is_parse() { ErrorKind::DataConversion } else { ErrorKind::Io };
    Error::new(kind, error)
}
