//! What libpq's text about a failed connect means.
//!
//! libpq gives one text and no SQLSTATE:
//! `connection to server at "db.example" (192.0.2.1), port 5432 failed: FATAL:  password authentication failed for ..`
//! ([source](https://github.com/postgres/postgres/blob/REL_17_STABLE/src/interfaces/libpq/fe-protocol3.c), `pqBuildErrorMessage3`).

use std::io;

use crate::{
    connector::driver::Attempt,
    error::{Error, TlsError, TlsErrorKind},
};

/// Answers whose SQLSTATE matters: it says whether to wait, or what to do. Texts of the server's
/// sources, as they are without a language set.
const SQLSTATES: [(&str, &str); 13] = [
    ("password authentication failed", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("access token", "28000"),
    ("AAD_AUTH_TOKENTYPE", "28000"),
    ("is not permitted to log in", "28000"),
    ("permission denied for database", "42501"),
    ("the database system is ", "57P03"),
    ("terminating connection due to administrator command", "57P01"),
    ("sorry, too many clients already", "53300"),
    ("remaining connection slots are reserved", "53300"),
    ("too many connections for ", "53300"),
    ("server login has been failing", "08P01"),
    ("no more connections allowed", "08P01"),
];

/// What libpq says of a server that answered the request for TLS with an error, and what such a server says: a libpq
/// from before November 2024 hands that on, though anybody could have sent it
/// ([CVE-2024-10977](https://www.postgresql.org/support/security/CVE-2024-10977/)).
const NO_PROCESS: [&str; 2] =
    ["server sent an error response during SSL exchange", "could not fork new process"];

/// Sorts the text by who has to act.
pub(super) fn classify(attempt: &Attempt<'_>, text: &str) -> Error {
    if NO_PROCESS.iter().any(|it| text.contains(it)) {
        let host = attempt.host().name();
        return TlsError::new(TlsErrorKind::Unavailable, Some(host), None).into();
    }
    if let Some(message) = server_message(text) {
        return attempt.answered(sqlstate_of(message), message);
    }
    let cause = io::Error::other(attempt.excerpt(text.trim_end()));
    match tls_failure(text) {
        Some(kind) => TlsError::new(kind, Some(attempt.host().name()), Some(cause.into())).into(),
        None => attempt.unreachable(cause),
    }
}

/// The server's own words: those after a severity, a colon and two blanks, which libpq's own texts don't
/// have. The severity itself may be in the server's language.
fn server_message(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.contains(":  "))?;
    line.split_once(":  ").map(|(_, message)| message)
}

fn sqlstate_of(message: &str) -> &'static str {
    if message.ends_with(" does not exist") {
        return if message.starts_with("database ") { "3D000" } else { "28000" };
    }
    let known = SQLSTATES.iter().find(|(text, _)| message.contains(text));
    known.map_or("", |(_, sqlstate)| sqlstate)
}

/// What failed, if it was TLS. A connection that was lost during the handshake is none of it: another try may
/// succeed.
fn tls_failure(text: &str) -> Option<TlsErrorKind> {
    if text.contains("server does not support SSL") {
        Some(TlsErrorKind::NotOffered)
    } else if text.contains("invalid response to SSL negotiation") {
        Some(TlsErrorKind::NotPostgres)
    } else if text.contains("alert certificate") || text.contains("alert bad certificate") {
        Some(TlsErrorKind::ClientCertificate)
    } else if text.contains("certificate") {
        Some(TlsErrorKind::Certificate)
    } else if text.contains("SSL error") {
        Some(TlsErrorKind::Handshake)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "connection to server at \"db.example\" (192.0.2.1), port 5432 failed: ";

    #[test]
    fn the_servers_words_are_found_in_every_language_and_layout() {
        let cases = [
            ("FATAL:  role \"x\" does not exist\n", "role \"x\" does not exist"),
            ("FATALE:  il ruolo \"x\" non esiste\n", "il ruolo \"x\" non esiste"),
            ("FATAL:  no room\nDETAIL:  none at all\nHINT:  wait\n", "no room"),
        ];
        for (answer, message) in cases {
            assert_eq!(server_message(&format!("{FAILED}{answer}")), Some(message));
            assert_eq!(server_message(answer), Some(message), "libpq before 14");
        }
    }

    #[test]
    fn what_libpq_says_itself_is_no_answer() {
        let texts = [
            "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n",
            "timeout expired\n",
            "server closed the connection unexpectedly\n\tThis probably means the server terminated \
             abnormally\n\tbefore or while processing the request.\n",
            "SSL error: certificate verify failed\n",
        ];
        for text in texts {
            assert_eq!(server_message(&format!("{FAILED}{text}")), None, "{text}");
        }
    }

    #[test]
    fn known_answers_have_their_sqlstate() {
        let cases = [
            ("password authentication failed for user \"x\"", "28P01"),
            ("The access token has expired. Acquire a new token and try again.", "28000"),
            ("role \"x\" does not exist", "28000"),
            ("database \"x\" does not exist", "3D000"),
            ("permission denied for database \"x\"", "42501"),
            ("the database system is starting up", "57P03"),
            ("the database system is not yet accepting connections", "57P03"),
            ("sorry, too many clients already", "53300"),
            ("too many connections for role \"x\"", "53300"),
            ("something new", ""),
        ];
        for (message, sqlstate) in cases {
            assert_eq!(sqlstate_of(message), sqlstate, "{message}");
        }
    }

    #[test]
    fn failures_of_tls_are_told_from_lost_connections() {
        use TlsErrorKind::{Certificate, ClientCertificate, Handshake, NotOffered, NotPostgres};
        let cases = [
            ("server does not support SSL, but SSL was required", Some(NotOffered)),
            ("received invalid response to SSL negotiation: H", Some(NotPostgres)),
            ("SSL error: tlsv13 alert certificate required", Some(ClientCertificate)),
            ("SSL error: sslv3 alert bad certificate", Some(ClientCertificate)),
            ("SSL error: certificate verify failed", Some(Certificate)),
            ("server certificate for \"a\" does not match host name \"b\"", Some(Certificate)),
            ("root certificate file \"/absent.pem\" does not exist", Some(Certificate)),
            ("SSL error: wrong version number", Some(Handshake)),
            ("SSL SYSCALL error: EOF detected", None),
            ("SSL SYSCALL error: Connection reset by peer", None),
            ("could not receive data from server: Connection reset by peer", None),
        ];
        for (text, kind) in cases {
            assert_eq!(tls_failure(text), kind, "{text}");
        }
    }
}
