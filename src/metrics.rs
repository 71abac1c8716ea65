//! What a running process tells through the [`metrics`] facade (feature `metrics`).
//!
//! A recorder that the application installs takes them, such as that of `metrics-exporter-prometheus`;
//! without one nothing happens. Nothing is recorded when the cache hands out the token that it holds.
//!
//! | name | kind | unit | labels | what |
//! |---|---|---|---|---|
//! | `db.client.connection.create_time` | histogram | seconds | `db.system.name`; of a failure also `error.type` and `postgres_entra.stage` | how long each connect took, with its retries |
//! | `postgres_entra.refusals` | counter | | `reason` | connects that the server refused for good |
//! | `postgres_entra.token.requests` | counter | | `source`, `outcome` | token requests: `new`, `unchanged`, or why there is none |
//! | `postgres_entra.token.forced_renewals` | counter | | `source` | token requests because the server rejected a token |
//! | `postgres_entra.token.expires_at` | gauge | seconds since 1970 | `source` | when the newest token expires |
//! | `postgres_entra.token.last_success_at` | gauge | seconds since 1970 | `source` | when a request last brought a token |
//! | `postgres_entra.tls.set_ups` | counter | | `outcome` | TLS connectors that were built: `success` or `failure` |
//! | `postgres_entra.proxy.sessions` | counter | | `outcome` | programs that came to the proxy: `opened`, `failed` if the server let none in, `refused` if the proxy did not |
//! | `postgres_entra.proxy.open_sessions` | gauge | | | sessions of the proxy that are open now, with those whose login is under way |
//!
//! The first name, and labels with a dot in their names, are those of OpenTelemetry's
//! [conventions for database clients](https://opentelemetry.io/docs/specs/semconv/database/database-metrics/).
//! Prometheus shows each dot as an underscore. `error.type` is one of `config`, `token`, `tls`, `timeout`,
//! `rejected` and `connect`, the stage one of `token`, `tls_setup`, `dns`, `tcp`, `tls`, `login` and
//! `backoff`; reasons are those of [`RejectionReason`](crate::RejectionReason), and
//! outcomes those of [`TokenErrorKind`](crate::TokenErrorKind), in small letters. No label names a host, a role or a database. A connect that its
//! caller gives up is not recorded, nor are those of the sqlx pool, which sqlx makes itself.
//!
//! Points in time are recorded rather than ages, because an age would be as old as the last request.
//!
//! # Alerts worth having
//!
//! As rules for Prometheus:
//!
//! | alert | expression | what it means |
//! |---|---|---|
//! | the token will run out | `postgres_entra_token_expires_at - time() < 600` | renewals have failed for half of the token's life: new connections will fail in ten minutes |
//! | no token comes | `sum by (source, outcome) (increase(postgres_entra_token_requests{outcome!~"new\|unchanged"}[15m])) > 3` | the identity service fails or refuses; `outcome` says whether to wait or to mend a setting |
//! | the server refuses | `sum by (reason) (increase(postgres_entra_refusals[15m])) > 0` | a role, a grant or a firewall rule was changed; `reason` says which |
//!
//! The first looks ahead, so it comes before anybody notices; a process that no longer runs or has no
//! connections to make leaves an old expiry behind, so let it hold for those that are up.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{
    error::{Error, Stage, TokenError},
    token::AccessToken,
};

/// How long a connect took: OpenTelemetry's name.
pub const CONNECT_TIME: &str = "db.client.connection.create_time";
/// Connects that the server refused for good.
pub const REFUSALS: &str = "postgres_entra.refusals";
/// Token requests.
pub const TOKEN_REQUESTS: &str = "postgres_entra.token.requests";
/// Token requests because the server rejected a token.
pub const FORCED_RENEWALS: &str = "postgres_entra.token.forced_renewals";
/// When the newest token expires.
pub const TOKEN_EXPIRES_AT: &str = "postgres_entra.token.expires_at";
/// When a request last brought a token.
pub const TOKEN_LAST_SUCCESS_AT: &str = "postgres_entra.token.last_success_at";
/// TLS connectors that were built.
pub const TLS_SET_UPS: &str = "postgres_entra.tls.set_ups";

/// Programs that came to the proxy.
pub const PROXY_SESSIONS: &str = "postgres_entra.proxy.sessions";
/// Sessions of the proxy that are open now.
pub const PROXY_OPEN_SESSIONS: &str = "postgres_entra.proxy.open_sessions";

const SYSTEM: (&str, &str) = ("db.system.name", "postgresql");

/// Tells the recorder the units and what each metric means. Call it once, after installing the recorder.
pub fn describe() {
    describe_histogram!(
        CONNECT_TIME,
        Unit::Seconds,
        "How long each connect took, with its retries"
    );
    describe_counter!(REFUSALS, "Connects that the server refused for good");
    describe_counter!(TOKEN_REQUESTS, "Token requests, by outcome");
    describe_counter!(FORCED_RENEWALS, "Token requests because the server rejected a token");
    describe_gauge!(TOKEN_EXPIRES_AT, Unit::Seconds, "When the newest token expires");
    describe_gauge!(TOKEN_LAST_SUCCESS_AT, Unit::Seconds, "When a request last brought a token");
    describe_counter!(TLS_SET_UPS, "TLS connectors that were built");
    describe_counter!(PROXY_SESSIONS, "Programs that came to the proxy, by outcome");
    describe_gauge!(PROXY_OPEN_SESSIONS, "Sessions of the proxy that are open now");
}

/// Records how long a connect took, and why it failed if it did.
pub(crate) fn connected(took: Duration, failure: Option<&Error>, stage: Stage) {
    match failure {
        None => histogram!(CONNECT_TIME, &[SYSTEM]).record(took),
        Some(error) => failed(took, error, stage),
    }
}

fn failed(took: Duration, error: &Error, stage: Stage) {
    let stage = word(stage);
    histogram!(
        CONNECT_TIME,
        SYSTEM.0 => SYSTEM.1, "error.type" => type_of(error), "postgres_entra.stage" => stage
    )
    .record(took);
    if let Error::Rejected(rejection) = error {
        counter!(REFUSALS, "reason" => word(rejection.reason())).increment(1);
    }
}

pub(crate) fn token_requested(source: &str, forced: bool) {
    if forced {
        counter!(FORCED_RENEWALS, "source" => source.to_owned()).increment(1);
    }
}

/// Records what a token request has brought, `unchanged` if it is the token that was there.
pub(crate) fn token_answered(
    source: &str,
    outcome: Result<&AccessToken, &TokenError>,
    unchanged: bool,
    now: SystemTime,
) {
    let ended = match outcome {
        Ok(_) if unchanged => "unchanged".to_owned(),
        Ok(_) => "new".to_owned(),
        Err(error) => word(error.kind()),
    };
    counter!(TOKEN_REQUESTS, "source" => source.to_owned(), "outcome" => ended).increment(1);
    if let Ok(token) = outcome {
        gauge!(TOKEN_EXPIRES_AT, "source" => source.to_owned()).set(unix(token.expires_on()));
        gauge!(TOKEN_LAST_SUCCESS_AT, "source" => source.to_owned()).set(unix(now));
    }
}

pub(crate) fn tls_set_up(succeeded: bool) {
    let outcome = if succeeded { "success" } else { "failure" };
    counter!(TLS_SET_UPS, "outcome" => outcome).increment(1);
}

/// What became of a program that came to the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProxySession {
    Opened,
    Failed,
    Refused,
}

pub(crate) fn proxy_session(outcome: ProxySession) {
    counter!(PROXY_SESSIONS, "outcome" => word(outcome)).increment(1);
}

/// An open session of the proxy, for as long as it lives.
pub(crate) struct OpenProxySession(());

impl OpenProxySession {
    pub(crate) fn new() -> Self {
        gauge!(PROXY_OPEN_SESSIONS).increment(1);
        Self(())
    }
}

impl Drop for OpenProxySession {
    fn drop(&mut self) {
        gauge!(PROXY_OPEN_SESSIONS).decrement(1);
    }
}

fn unix(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn type_of(error: &Error) -> &'static str {
    match error {
        Error::Config(_) => "config",
        Error::Token(_) => "token",
        Error::Tls(_) => "tls",
        Error::Timeout { .. } => "timeout",
        Error::Rejected(_) => "rejected",
        Error::Connect(_) => "connect",
    }
}

/// The name of an enum's variant in small letters with underscores: `RoleMissing` is `role_missing`.
fn word(variant: impl fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{RejectionReason, TokenErrorKind};

    #[test]
    fn variants_are_words_in_small_letters() {
        assert_eq!(word(RejectionReason::RoleMissing), "role_missing");
        assert_eq!(word(TokenErrorKind::Denied), "denied");
        assert_eq!(word(Stage::TlsSetup), "tls_setup");
    }
}
