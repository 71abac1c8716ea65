//! How often, and after which wait, a source asks again within one fetch.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    clock::{Clock, SystemClock},
    error::{TokenError, TokenErrorKind},
    random,
    source::{answer::aadsts, attempts, managed_identity},
    token::AccessToken,
};

/// The longest wait that a `Retry-After` header can cause within one fetch.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// When the last wait has to be over: before the cache's fetch deadline, after which the caller would
/// learn about a timeout and the cache would not know what the service asked for. A 410 of IMDS needs
/// almost all of it.
const BUDGET: Duration = Duration::from_secs(80);

/// The shortest wait: "at least 1 second", as the guidance for IMDS says about server errors.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// The longest wait of our own choosing: a service that is back is not missed for long, and five retries
/// fit into a connect's usual deadline.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// How many times a request is repeated that got no answer, or a passing refusal from a service
/// without guidance of its own. The Microsoft authentication libraries use the same number.
const RETRIES: u32 = 3;

/// IMDS asks for five retries with exponential backoff.
const IMDS_RETRIES: u32 = 5;

/// IMDS is back within 70 s of a 410, which seven waits of ten seconds outlast.
const IMDS_UPDATE_RETRIES: u32 = 7;
const IMDS_UPDATE_WAIT: Duration = Duration::from_secs(10);

/// Which failures to retry: the wait before retry number `retry` (from 0), or `None` to give up.
pub(in crate::source) type Policy = fn(error: &TokenError, retry: u32) -> Option<Duration>;

/// The guidance for IMDS, by status:
/// [documentation](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#retry-guidance).
pub(in crate::source) fn imds(error: &TokenError, retry: u32) -> Option<Duration> {
    match error.status() {
        Some(410) => (retry < IMDS_UPDATE_RETRIES).then_some(IMDS_UPDATE_WAIT),
        Some(404 | 408 | 429 | 500..) => backoff(retry, IMDS_RETRIES),
        Some(_) => unassigned(error, retry),
        None => unanswered(error, retry),
    }
}

/// The same where there should be none: one more try, for a packet that was lost.
pub(in crate::source) fn imds_elsewhere(error: &TokenError, retry: u32) -> Option<Duration> {
    if error.kind() == TokenErrorKind::Unreachable { backoff(retry, 1) } else { imds(error, retry) }
}

/// App Service documents no guidance; the Microsoft authentication libraries retry these.
pub(in crate::source) fn app_service(error: &TokenError, retry: u32) -> Option<Duration> {
    match error.status() {
        Some(404 | 408 | 429 | 500..) => backoff(retry, RETRIES),
        Some(_) => unassigned(error, retry),
        None => unanswered(error, retry),
    }
}

/// Entra says through the AADSTS code, where there is one, whether an error passes. A refusal that may
/// be out of date is asked about again, and is final when it stays.
pub(in crate::source) fn entra(error: &TokenError, retry: u32) -> Option<Duration> {
    let may_pass = error.is_transient() || aadsts::may_be_spreading(error.aadsts());
    match error.status() {
        Some(_) if may_pass => backoff(retry, RETRIES),
        Some(_) => None,
        None => unanswered(error, retry),
    }
}

/// An identity that was assigned a moment ago; the refusal is final when it stays.
fn unassigned(error: &TokenError, retry: u32) -> Option<Duration> {
    if managed_identity::may_be_assigned_soon(error) { backoff(retry, RETRIES) } else { None }
}

fn unanswered(error: &TokenError, retry: u32) -> Option<Duration> {
    if error.is_transient() { backoff(retry, RETRIES) } else { None }
}

/// 1, 2, 4, 8, 8, ... seconds.
fn backoff(retry: u32, retries: u32) -> Option<Duration> {
    (retry < retries).then(|| (MIN_WAIT * 2_u32.pow(retry)).min(LONGEST_PAUSE))
}

/// Repeats `attempt` as the policy says and returns its first token or its last error.
///
/// When the last attempt got no answer but an earlier one did, that answer is the error's cause, and says what
/// to do.
pub(in crate::source) async fn run<F, Fut>(
    source: &'static str,
    policy: Policy,
    mut attempt: F,
) -> Result<AccessToken, TokenError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<AccessToken, TokenError>>,
{
    let give_up_at = SystemClock.now().monotonic + BUDGET;
    let mut last_answer = None;
    let mut retry = 0;
    loop {
        let error = match attempt().await {
            Ok(token) => {
                tracing::debug!(token_source = source, attempt = retry + 1, "token received");
                return Ok(token);
            }
            Err(error) => error,
        };
        let wait = policy(&error, retry).map(|wait| wait_for(&error, wait));
        let wait = wait.filter(|&wait| ends_in_time(wait, give_up_at));
        log_failure(source, retry + 1, &error, wait);
        let Some(wait) = wait else { return Err(with_last_answer(error, last_answer)) };
        attempts::report(&error, SystemClock.now().monotonic + wait);
        if error.status().is_some() {
            last_answer = Some(error);
        }
        tokio::time::sleep(wait).await;
        retry += 1;
    }
}

/// What the service asks for wins, within limits. Up to a tenth is added at random; nothing is taken
/// away, because a 410 has to be outlasted.
fn wait_for(error: &TokenError, wait: Duration) -> Duration {
    let wait = error.retry_after().map_or(wait, |asked| asked.clamp(MIN_WAIT, MAX_RETRY_AFTER));
    wait + random::up_to(wait / 10)
}

fn ends_in_time(wait: Duration, give_up_at: Instant) -> bool {
    SystemClock.now().monotonic + wait <= give_up_at
}

fn with_last_answer(error: TokenError, last_answer: Option<TokenError>) -> TokenError {
    match last_answer {
        Some(answer) if error.status().is_none() => {
            error.with_hint(answer.hint().to_owned()).with_cause(answer)
        }
        _ => error,
    }
}

fn log_failure(source: &'static str, attempt: u32, error: &TokenError, wait: Option<Duration>) {
    tracing::debug!(
        token_source = source,
        attempt,
        error_kind = ?error.kind(),
        http_status = error.status(),
        retry_in_ms = wait.map(|wait| wait.as_millis() as u64),
        "token request failed: {error}"
    );
}

#[cfg(test)]
mod tests;
