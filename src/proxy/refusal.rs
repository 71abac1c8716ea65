//! What a program is told when there is no session for it.

use crate::{
    error::{Error, ServerAnswer, cause},
    wire::Refusal,
};

/// `config_file_error`.
const CONFIGURATION: &str = "F0000";
/// `sqlclient_unable_to_establish_sqlconnection`, as of any client that does not reach its server.
const NO_CONNECTION: &str = "08001";
/// `invalid_authorization_specification`.
const NOT_AUTHORISED: &str = "28000";

/// The error in PostgreSQL's form: the server's SQLSTATE where it gave one, our text, our hint.
pub(super) fn of_error(error: &Error) -> Refusal {
    let sqlstate = match error {
        Error::Config(_) => CONFIGURATION,
        Error::Token(error) if !error.is_transient() => NOT_AUTHORISED,
        Error::Rejected(rejection) => rejection.sqlstate(),
        error => cause::find::<ServerAnswer>(error).map_or(NO_CONNECTION, ServerAnswer::sqlstate),
    };
    let causes = cause::all(error).map(|cause| format!(": {cause}"));
    let message = error.problem() + &causes.collect::<String>();
    Refusal::new(sqlstate, message).with_hint(error.hint())
}

/// A program with another user id than those that are allowed.
#[cfg(unix)]
pub(super) fn other_user(uid: u32) -> Refusal {
    Refusal::new(NOT_AUTHORISED, format!("this socket is not for the user with the id {uid}"))
        .with_hint("start the proxy with this id among those that it allows")
}

pub(super) fn wrong_password() -> Refusal {
    Refusal::new("28P01", "the password is not that of this proxy")
        .with_hint("give the program the password that the proxy was started with")
}

pub(super) fn malformed() -> Refusal {
    Refusal::new("08P01", "this is not how a PostgreSQL connection begins")
        .with_hint("connect without TLS: sslmode=disable and no sslnegotiation=direct")
}

pub(super) fn too_many() -> Refusal {
    Refusal::new("53300", "the proxy has as many sessions as it may")
        .with_hint("close sessions, or start the proxy with a higher limit")
}

/// In the words of a server.
pub(super) fn shutting_down() -> Refusal {
    Refusal::new("57P03", "the proxy is shutting down")
}

/// In the words of a server.
pub(super) fn ended_by_administrator() -> Refusal {
    Refusal::new("57P01", "terminating connection due to administrator command")
        .with_hint("the local proxy of this connection was shut down")
}
