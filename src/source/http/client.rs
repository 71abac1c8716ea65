//! The two clients behind one type, and what they have in common.

use std::error::Error as StdError;

use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    body::{Bytes, Incoming},
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use reqwest::Url;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{https::HttpsClient, plain, token_proxy::TokenProxy};
use crate::error::{TokenError, TokenErrorKind};

/// A request with the whole of its body, to an absolute address.
pub(in crate::source) type Request = hyper::Request<Bytes>;

/// How a request gets to an identity service.
#[derive(Clone, Debug)]
pub(in crate::source) enum Client {
    /// Straight to it and without TLS, for endpoints on the machine itself.
    Plain,
    /// Over verified TLS, through a proxy if the environment names one.
    Https(HttpsClient),
    /// Over TLS that trusts one authority alone, to the token proxy of a cluster.
    TokenProxy(TokenProxy),
    /// In a test: whatever that says.
    #[cfg(test)]
    Scripted(std::sync::Arc<dyn super::Script>),
}

impl Client {
    /// The client for an address, by its scheme.
    pub(in crate::source) fn to(url: &Url) -> Self {
        if url.scheme() == "http" { Self::Plain } else { Self::Https(HttpsClient::default()) }
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response, Failure> {
        match self {
            Self::Plain => plain::send(request).await,
            Self::Https(client) => client.send(request).await,
            Self::TokenProxy(proxy) => proxy.send(request).await,
            #[cfg(test)]
            Self::Scripted(script) => script.play().await,
        }
    }
}

/// A request that asks for JSON.
pub(in crate::source) fn get(source: &'static str, url: &Url) -> Result<Request, TokenError> {
    build(source, Method::GET, url, Bytes::new())
}

/// A request that sends a form, which holds secrets and is wiped when the request is dropped.
pub(in crate::source) fn post(
    source: &'static str,
    url: &Url,
    form: Zeroizing<String>,
) -> Result<Request, TokenError> {
    let mut request = build(source, Method::POST, url, Bytes::from_owner(form))?;
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, form_type);
    Ok(request)
}

fn build(
    source: &'static str,
    method: Method,
    url: &Url,
    body: Bytes,
) -> Result<Request, TokenError> {
    let uri: Uri = url.as_str().parse().map_err(|error| {
        TokenError::new(TokenErrorKind::Configuration, source, "the request can't be sent")
            .with_hint("check the address of the identity service and the id of the identity")
            .with_cause(error)
    })?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// An answer whose body is still to be read.
pub(in crate::source) struct Response {
    pub(in crate::source) status: StatusCode,
    pub(in crate::source) headers: HeaderMap,
    pub(in crate::source) body: Body,
}

pub(in crate::source) enum Body {
    Plain {
        incoming: Incoming,
        #[expect(dead_code, reason = "the task that drives the connection ends with this")]
        driver: JoinSet<hyper::Result<()>>,
    },
    Https(reqwest::Response),
    #[cfg(test)]
    Whole(Option<Bytes>),
}

impl Body {
    /// The next part; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::Plain { incoming, .. } => plain::next(incoming).await,
            Self::Https(response) => response.chunk().await.map_err(Failure::of_https),
            #[cfg(test)]
            Self::Whole(body) => Ok(body.take()),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::source) struct Failure {
    kind: TokenErrorKind,
    problem: &'static str,
    hint: Option<&'static str>,
    cause: Box<dyn StdError + Send + Sync>,
}

impl Failure {
    pub(in crate::source) fn new(
        kind: TokenErrorKind,
        problem: &'static str,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, problem, hint: None, cause: cause.into() }
    }

    pub(super) fn no_connection(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TokenErrorKind::Unreachable, "no connection", cause)
    }

    pub(super) fn broken(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TokenErrorKind::Unavailable, "the connection broke", cause)
    }

    pub(super) fn unreadable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TokenErrorKind::InvalidResponse, "the answer can't be read", cause)
    }

    /// What no waiting mends: a setting of this machine has to change.
    pub(super) fn of_set_up(
        problem: &'static str,
        hint: &'static str,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let failure = Self::new(TokenErrorKind::Configuration, problem, cause);
        Self { hint: Some(hint), ..failure }
    }

    pub(super) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    pub(super) fn into_error(self, source: &'static str) -> TokenError {
        let error = TokenError::new(self.kind, source, self.problem).with_boxed_cause(self.cause);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
