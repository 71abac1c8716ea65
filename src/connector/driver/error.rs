//! What an error of tokio-postgres means for a login.

use std::{error::Error as StdError, io};

use crate::{
    config::Host,
    connector::login::Login,
    error::{
        ConnectError, Error, Meaning, Rejection, ServerAnswer, TlsError, TlsErrorKind, cause,
        read_answer,
    },
    excerpt::excerpt,
    tls::asks_for_certificate,
};

/// What tokio-postgres says when the server refuses to speak TLS.
const NO_TLS: &str = "server does not support TLS";

/// What the driver's decoder says of a connection that ended in the middle of a message.
const HALF_A_MESSAGE: &str = "bytes remaining on stream";

/// Sorts a failure by who has to act. `login` is the login that failed, if it was one.
pub(in crate::connector) fn classify(
    error: tokio_postgres::Error,
    host: &Host,
    login: Option<&Login>,
) -> Error {
    match error.as_db_error() {
        Some(answer) => classify_answer(answer.code().code(), answer.message(), host, login),
        None if is_tls_error(&error) => tls_error(error, host).into(),
        None if asks_for_certificate(&error) => {
            let kind = TlsErrorKind::ClientCertificate;
            TlsError::new(kind, Some(host.name()), Some(error.into())).into()
        }
        None => unreachable(host, may_pass(&error), error),
    }
}

/// The failure of a request to cancel, to a server that has a session over TLS: if it does not go on with TLS
/// now, it could not start a process for us.
pub(in crate::connector) fn of_cancel(error: Error) -> Error {
    match error {
        Error::Tls(error) if error.kind() == TlsErrorKind::NotOffered => {
            TlsError::new(TlsErrorKind::Unavailable, error.host(), None).into()
        }
        error => error,
    }
}

/// The same for an error that the server sent.
pub(super) fn classify_answer(
    sqlstate: &str,
    message: &str,
    host: &Host,
    login: Option<&Login>,
) -> Error {
    let secrets = secrets(login);
    let (sqlstate, message) = (excerpt(sqlstate, &secrets), excerpt(message, &secrets));
    match read_answer(&sqlstate, &message) {
        Meaning::Busy(hint) => unreachable(host, true, ServerAnswer::new(sqlstate, message, hint)),
        Meaning::Refused(_) => {
            let rejection = Rejection::new(sqlstate, message, login.map_or("", Login::user));
            match login {
                Some(login) => login.explain(rejection).into(),
                None => rejection.into(),
            }
        }
    }
}

/// What a server may repeat, and nobody may be shown.
fn secrets(login: Option<&Login>) -> Vec<&str> {
    login.map(Login::password).into_iter().collect()
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
                || error.to_string() == HALF_A_MESSAGE
        })
}

fn unreachable(
    host: &Host,
    transient: bool,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    ConnectError::new(host.name(), host.port(), transient, cause).into()
}
