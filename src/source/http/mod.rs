//! One bounded HTTP exchange with an identity service, and how often it is tried.

mod client;
pub(super) mod endpoint;
mod https;
mod plain;
pub(super) mod retry;
mod retry_after;
mod token_proxy;

use std::time::Duration;

#[cfg(test)]
pub(super) use client::{Body, Failure, Response};
pub(super) use client::{Client, Request, get, post};
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) use https::failures_of_https;
use hyper::{
    HeaderMap,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
pub(super) use token_proxy::TokenProxy;
use zeroize::Zeroizing;

use crate::{
    clock::{Clock, SystemClock},
    error::{TokenError, TokenErrorKind},
};
#[cfg(not(test))]
use client::{Body, Failure};

/// More than any identity service sends: a token takes a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

/// Enough for a token and what comes with it, so that the buffer seldom grows: that would leave a copy
/// behind that is not wiped.
const USUAL_BODY: usize = 16 * 1024;

/// An HTTP answer, read whole. The body may hold a token.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// What a client has to prove, and how.
    pub(super) challenge: Option<String>,
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
    client: &Client,
    request: Request,
    limit: Duration,
) -> Result<Answer, TokenError> {
    match tokio::time::timeout(limit, send(client, request)).await {
        Ok(result) => result.map_err(|failure| failure.into_error(source)),
        Err(_) => Err(TokenError::new(
            TokenErrorKind::Timeout,
            source,
            format!("no answer within {} s", limit.as_secs()),
        )),
    }
}

async fn send(client: &Client, request: Request) -> Result<Answer, Failure> {
    let response = client.send(request).await?;
    let status = response.status.as_u16();
    let retry_after = wait_asked_for(&response.headers);
    let challenge = response.headers.get(WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|text| text.to_str().ok()).map(str::to_owned);
    let body = read(response.body, is_success(status)).await?;
    Ok(Answer { status, retry_after, challenge, body })
}

/// Reads a body to its end. Of a refusal, the beginning is enough: its status must not be lost
/// because the text behind it is cut off or too long.
async fn read(mut body: Body, must_be_whole: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut whole = Zeroizing::new(Vec::with_capacity(USUAL_BODY));
    loop {
        match body.next().await {
            Ok(None) => return Ok(whole),
            Ok(Some(part)) if whole.len() + part.len() <= MAX_BODY => {
                whole.extend_from_slice(&part);
            }
            Ok(Some(_)) if must_be_whole => {
                return Err(Failure::unreadable("the answer is larger than 1 MiB"));
            }
            Err(failure) if must_be_whole => return Err(failure),
            Ok(Some(_)) | Err(_) => return Ok(whole),
        }
    }
}

fn wait_asked_for(headers: &HeaderMap) -> Option<Duration> {
    retry_after::parse(headers.get(RETRY_AFTER)?.to_str().ok()?, SystemClock.now().wall)
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// A client of a test, which plays a list.
#[cfg(test)]
pub(super) trait Script: std::fmt::Debug + Send + Sync {
    fn play(
        &self,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send + '_>>;
}
