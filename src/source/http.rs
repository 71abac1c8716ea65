//! One bounded HTTP exchange.

use std::time::Duration;

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{
        AsyncResponseBody, HttpClient, Request,
        headers::{HeaderName, Headers},
    },
};
use futures_util::StreamExt;
use zeroize::Zeroizing;

use super::retry_after;
use crate::{
    TokenError, TokenErrorKind,
    clock::{Clock, SystemClock},
};

/// More than any identity service sends: a token takes a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

/// Enough for a token and what comes with it, so that the buffer seldom grows: that would leave a copy
/// behind that is not wiped.
const USUAL_BODY: usize = 16 * 1024;

/// An HTTP answer, read whole. The body may hold a token.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        is_success(self.status)
    }
}

/// Sends a request and reads the answer, both within `limit`. Any status counts as an answer.
pub(super) async fn exchange(
    source: &'static str,
    client: &dyn HttpClient,
    request: &Request,
    limit: Duration,
) -> std::result::Result<Answer, TokenError> {
    match tokio::time::timeout(limit, send(client, request)).await {
        Ok(result) => result.map_err(|error| failure(source, error)),
        Err(_) => Err(TokenError::new(
            TokenErrorKind::Timeout,
            source,
            format!("no answer within {} s", limit.as_secs()),
        )),
    }
}

async fn send(client: &dyn HttpClient, request: &Request) -> Result<Answer> {
    let (status, headers, body) = client.execute_request(request).await?.deconstruct();
    let status = u16::from(status);
    let body = read(body, is_success(status)).await?;
    Ok(Answer { status, retry_after: wait_asked_for(&headers), body })
}

/// Reads a body to its end. Of a refusal, the beginning is enough: its status must not be lost
/// because the text behind it is cut off or too long.
async fn read(mut stream: AsyncResponseBody, must_be_whole: bool) -> Result<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(Vec::with_capacity(USUAL_BODY));
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
            Ok(_) if must_be_whole => return Err(too_large()),
            Err(error) if must_be_whole => return Err(error),
            Ok(_) | Err(_) => break,
        }
    }
    Ok(body)
}

fn too_large() -> Error {
    Error::with_message(ErrorKind::DataConversion, "the answer is larger than 1 MiB")
}

fn wait_asked_for(headers: &Headers) -> Option<Duration> {
    let text = headers.get_optional_str(&RETRY_AFTER)?;
    retry_after::parse(text, SystemClock.now().wall)
}

fn failure(source: &'static str, error: Error) -> TokenError {
    let (kind, message) = match error.kind() {
        ErrorKind::Connection => (TokenErrorKind::Unreachable, "no connection"),
        ErrorKind::Io => (TokenErrorKind::Unavailable, "the connection broke"),
        ErrorKind::DataConversion | ErrorKind::HttpResponse { .. } => {
            (TokenErrorKind::InvalidResponse, "the answer can't be read")
        }
        _ => (TokenErrorKind::Configuration, "the request can't be sent"),
    };
    TokenError::new(kind, source, message).with_cause(ClientError::from(error))
}

/// What the HTTP client reported, without azure_core's wrapping: that one's `Debug` may hold a
/// backtrace of some pages.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct ClientError(Box<dyn std::error::Error + Send + Sync>);

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        Self(error.into_inner().unwrap_or_else(|bare| bare.to_string().into()))
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}
