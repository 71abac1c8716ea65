use std::{error::Error as StdError, io};

use super::{cause, hint::NETWORK, text::write_as_problem_and_hint};

/// The server could not be reached, or the connection broke before it was ready.
///
/// `Display` reads `<problem>; <hint>`.
pub struct ConnectError {
    host: String,
    port: u16,
    failed: Failed,
    transient: bool,
    cause: Box<dyn StdError + Send + Sync>,
}

/// What did not come about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// An address.
    Resolution,
    /// The connection, or the login over it.
    Connection,
    /// What a driver asks of a session before it hands it on.
    #[cfg(feature = "diesel-async")]
    SetUp,
}

impl ConnectError {
    pub(crate) fn new(
        host: &str,
        port: u16,
        transient: bool,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let (host, failed) = (host.to_owned(), Failed::Connection);
        Self { host, port, failed, transient, cause: cause.into() }
    }

    /// The name has no address, or none could be asked for.
    pub(crate) fn unresolved(
        host: &str,
        port: u16,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { failed: Failed::Resolution, ..Self::new(host, port, true, cause) }
    }

    /// The login worked, and a driver could not make the session ready for use.
    #[cfg(feature = "diesel-async")]
    pub(crate) fn not_set_up(
        host: &str,
        port: u16,
        transient: bool,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { failed: Failed::SetUp, ..Self::new(host, port, transient, cause) }
    }

    /// The host that was tried last.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self.failed {
            Failed::Resolution => return UNRESOLVED,
            #[cfg(feature = "diesel-async")]
            Failed::SetUp => return SET_UP,
            Failed::Connection => {}
        }
        if let Some(answer) = cause::find::<ServerAnswer>(&*self.cause) {
            return answer.hint;
        }
        if self.cause_says("unsupported authentication method") {
            return OTHER_METHOD;
        }
        hint_of(cause::find::<io::Error>(&*self.cause).map(io::Error::kind))
    }

    fn cause_says(&self, text: &str) -> bool {
        cause::all(self).any(|cause| cause.to_string().contains(text))
    }

    pub(crate) fn problem(&self) -> String {
        let Self { host, port, .. } = self;
        match self.failed {
            Failed::Connection => format!("no connection to {host} port {port}"),
            Failed::Resolution => format!("the name {host} was not resolved"),
            #[cfg(feature = "diesel-async")]
            Failed::SetUp => {
                format!("the session at {host} port {port} was not made ready for use")
            }
        }
    }
}

/// What a server said instead of letting anybody in, as it may be shown.
#[derive(Debug, thiserror::Error)]
#[error("the server says: {text} (SQLSTATE {sqlstate})")]
pub(crate) struct ServerAnswer {
    sqlstate: String,
    text: String,
    hint: &'static str,
}

impl ServerAnswer {
    pub(crate) fn sqlstate(&self) -> &str {
        &self.sqlstate
    }

    /// Both texts are excerpts.
    pub(crate) fn new(sqlstate: String, text: String, hint: &'static str) -> Self {
        Self { sqlstate, text, hint }
    }
}

/// GSS, SSPI, certificates, OAuth: what Azure never asks an Entra role for.
const OTHER_METHOD: &str = "the server asks for a kind of login that no token and no password can be used \
                            for; check that the host is the Azure server, and its authentication settings";

#[cfg(feature = "diesel-async")]
const SET_UP: &str = "see the server's text; prepared statements go through PgBouncer only if its \
                      max_prepared_statements is above 0";

const UNRESOLVED: &str = "check the host name and this machine's DNS; a server with a private \
                          endpoint resolves only in networks that are linked to its private DNS \
                          zone, privatelink.postgres.database.azure.com";

/// What the operating system's error says about the remedy.
fn hint_of(kind: Option<io::ErrorKind>) -> &'static str {
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => {
            "nothing listens there; check the port (5432, or 6432 for PgBouncer) and that the server \
             is running"
        }
        Some(
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable,
        ) => NETWORK,
        // What tokio-postgres makes of a server in another role.
        Some(io::ErrorKind::PermissionDenied) => {
            "no server has the wanted role; check target_session_attrs"
        }
        _ => "the connection broke; check the state of the server and what lies between",
    }
}

write_as_problem_and_hint!(ConnectError);

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectError;
    use std::io;

    #[test]
    fn the_hint_fits_the_cause() {
        let cases = [
            (io::ErrorKind::ConnectionRefused, "6432"),
            (io::ErrorKind::TimedOut, "firewall"),
            (io::ErrorKind::NetworkUnreachable, "private endpoint"),
            (io::ErrorKind::PermissionDenied, "target_session_attrs"),
            (io::ErrorKind::ConnectionReset, "broke"),
        ];
        for (kind, hint) in cases {
            let error = ConnectError::new("contoso", 5432, true, io::Error::from(kind));
            assert!(error.hint().contains(hint), "{error}");
        }
        let error = ConnectError::unresolved("contoso", 5432, io::Error::other("unknown name"));
        assert!(error.to_string().contains("privatelink"), "{error}");
    }
}
