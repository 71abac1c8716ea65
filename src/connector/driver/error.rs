//! What an error of tokio-postgres means for a login.

use std::{error::Error as StdError, io};

use tokio_postgres::error::SqlState;

use crate::{
    config::Host,
    connector::login::Login,
    error::{
        ConnectError, Error, Rejection, RejectionReason, ServerAnswer, TlsError, TlsErrorKind,
        cause,
    },
    excerpt::excerpt,
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
pub(in crate::connector) fn classify(
    error: tokio_postgres::Error,
    host: &Host,
    login: Option<&Login>,
) -> Error {
    match error.as_db_error() {
        Some(answer) => classify_answer(answer.code().code(), answer.message(), host, login),
        None if is_tls_error(&error) => tls_error(error, host).into(),
        None => unreachable(host, may_pass(&error), error),
    }
}

/// The same for an error that the server sent.
pub(super) fn classify_answer(
    sqlstate: &str,
    message: &str,
    host: &Host,
    login: Option<&Login>,
) -> Error {
    let is_busy = is_busy(sqlstate, message);
    let secrets = secrets(login);
    let (sqlstate, message) = (excerpt(sqlstate, &secrets), excerpt(message, &secrets));
    if is_busy {
        unreachable(host, true, ServerAnswer::new(sqlstate, message))
    } else {
        refused(sqlstate, message, login).into()
    }
}

fn refused(sqlstate: String, message: String, login: Option<&Login>) -> Rejection {
    match login {
        Some(login) if login.is_by_password() => {
            Rejection::new(sqlstate, message, login.user()).by_password()
        }
        Some(login) => Rejection::new(sqlstate, message, login.user()),
        None => Rejection::new(sqlstate, message, ""),
    }
}

/// What a server may repeat, and nobody may be shown.
fn secrets(login: Option<&Login>) -> Vec<&str> {
    login.map(Login::password).into_iter().collect()
}

fn is_busy(sqlstate: &str, message: &str) -> bool {
    BUSY.iter().any(|busy| busy.code() == sqlstate) || is_busy_pooler(sqlstate, message)
}

/// Unless the pooler hands on a refusal of the server that waiting doesn't change.
fn is_busy_pooler(sqlstate: &str, message: &str) -> bool {
    sqlstate == SqlState::PROTOCOL_VIOLATION.code()
        && POOLER_BUSY.iter().any(|text| message.contains(text))
        && Rejection::new(sqlstate, message, "").reason() == RejectionReason::Other
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
