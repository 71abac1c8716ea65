//! What an error of tokio-postgres means for a login.

use std::{error::Error as StdError, io};

use tokio_postgres::error::{DbError, SqlState};

use super::login::Login;
use crate::{
    ConnectError, Error, Host, Rejection, RejectionReason, TlsError, TlsErrorKind, error::cause,
};

/// Answers that a server gives while it starts, stops, fails over or is full: worth another try.
const BUSY: [&SqlState; 9] = [
    &SqlState::CANNOT_CONNECT_NOW,
    &SqlState::ADMIN_SHUTDOWN,
    &SqlState::CRASH_SHUTDOWN,
    &SqlState::TOO_MANY_CONNECTIONS,
    &SqlState::CONNECTION_EXCEPTION,
    &SqlState::CONNECTION_DOES_NOT_EXIST,
    &SqlState::CONNECTION_FAILURE,
    &SqlState::SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
    &SqlState::SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION,
];

/// What PgBouncer says, with one SQLSTATE for everything (08P01), while it is full or has lost the server
/// ([source](https://github.com/pgbouncer/pgbouncer/blob/master/src/objects.c)).
const POOLER_BUSY: [&str; 4] = [
    "server login has been failing",
    "no more connections allowed",
    "query_wait_timeout",
    "client_login_timeout",
];

/// What tokio-postgres says when the server refuses to speak TLS.
const NO_TLS: &str = "server does not support TLS";

/// Sorts a failure by who has to act. `login` is the login that failed, if it was one.
pub(super) fn classify(error: tokio_postgres::Error, host: &Host, login: Option<&Login>) -> Error {
    match error.as_db_error() {
        Some(answer) if is_busy(answer) => match login {
            Some(login) if login.is_repeated_by(answer) => {
                unreachable(host, true, io::Error::other("busy; its answer repeats the secret"))
            }
            _ => unreachable(host, true, error),
        },
        Some(answer) => refused(answer, login).into(),
        None if is_tls_error(&error) => tls_error(error, host).into(),
        None => unreachable(host, may_pass(&error), error),
    }
}

/// The server's words, without the secret, should it repeat that.
fn refused(answer: &DbError, login: Option<&Login>) -> Rejection {
    let sqlstate = answer.code().code();
    match login {
        Some(login) => {
            let message = login.redacted(answer.message());
            let rejection = Rejection::new(login.redacted(sqlstate), message, login.user());
            if login.is_by_password() { rejection.by_password() } else { rejection }
        }
        None => Rejection::new(sqlstate, answer.message(), ""),
    }
}

fn is_busy(answer: &DbError) -> bool {
    BUSY.contains(&answer.code()) || is_busy_pooler(answer)
}

/// Unless the pooler hands on a refusal of the server that waiting doesn't change.
fn is_busy_pooler(answer: &DbError) -> bool {
    *answer.code() == SqlState::PROTOCOL_VIOLATION
        && POOLER_BUSY.iter().any(|text| answer.message().contains(text))
        && refused(answer, None).reason() == RejectionReason::Other
}

fn is_tls_error(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|cause| cause.is::<TlsError>() || cause.to_string() == NO_TLS)
}

fn tls_error(error: tokio_postgres::Error, host: &Host) -> TlsError {
    match error.into_source().and_then(|cause| cause.downcast::<TlsError>().ok()) {
        Some(error) => *error,
        None => TlsError::new(TlsErrorKind::NotOffered, Some(host.name()), None),
    }
}

/// Whether the connection was lost or never made, or led to a server in the wrong role: a failover
/// mends the latter.
fn may_pass(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || cause::lost_connection(error)
        || cause::find::<io::Error>(error).is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::PermissionDenied)
        })
}

fn unreachable(
    host: &Host,
    transient: bool,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    ConnectError::new(host.name(), host.port(), transient, cause).into()
}
