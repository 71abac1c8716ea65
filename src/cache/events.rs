//! What the cache tells `tracing`. The names and fields are documented at `TokenCache` and stay stable.

use std::error::Error as StdError;

use tracing::{Span, debug, debug_span, error, info, warn};

use super::state::{Landing, Launch};
use crate::error::TokenError;

const TARGET: &str = "postgres_entra::cache";

#[inline]
pub(super) fn hit(source: &str) {
    debug!(name: "token_hit", target: TARGET, source, "served the cached token");
}

pub(super) fn launched(source: &str, launch: Launch) {
    let Launch { deadline, forced, .. } = launch;
    let deadline_s = deadline.as_secs_f32();
    debug!(name: "fetch_started", target: TARGET, source, forced, deadline_s, "fetching a token");
}

/// The span of one fetch. It has no parent: the fetch outlives the call that started it.
pub(super) fn fetch_span(source: &str) -> Span {
    debug_span!(target: TARGET, parent: None, "fetch_token", source)
}

pub(super) fn landed(source: &str, landing: &Landing) {
    match &landing.outcome {
        Ok(_) => renewed(source, landing),
        Err(error) if landing.left.is_zero() => unavailable(source, error, landing),
        Err(error) => refresh_failed(source, error, landing),
    }
}

fn renewed(source: &str, landing: &Landing) {
    let lifetime_s = landing.left.as_secs();
    if landing.unchanged {
        debug!(name: "token_unchanged", target: TARGET, source, lifetime_s, "same token again");
    } else {
        info!(name: "token_renewed", target: TARGET, source, lifetime_s, "got a new token");
    }
}

fn refresh_failed(source: &str, error: &TokenError, landing: &Landing) {
    let (left_s, retry_in_s) = (landing.left.as_secs(), landing.retry_in.as_secs_f32());
    let error: &(dyn StdError + 'static) = error;
    warn!(
        name: "refresh_failed", target: TARGET, source, error, left_s, retry_in_s,
        "a refresh failed; the token that is held stays in use"
    );
}

fn unavailable(source: &str, error: &TokenError, landing: &Landing) {
    let retry_in_s = landing.retry_in.as_secs_f32();
    let error: &(dyn StdError + 'static) = error;
    error!(
        name: "token_unavailable", target: TARGET, source, error, retry_in_s,
        "a fetch failed and no valid token is left"
    );
}

pub(super) fn invalidated(source: &str) {
    info!(name: "token_invalidated", target: TARGET, source, "a rejected token is fetched anew");
}

/// The panic's own message went to the panic hook; it may hold anything, so it isn't repeated here.
pub(super) fn callback_panicked(source: &str) {
    error!(name: "callback_panicked", target: TARGET, source, "a keep_fresh callback panicked");
}
