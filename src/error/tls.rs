use std::{error::Error as StdError, sync::Arc};

use super::{cause, text::write_as_problem_and_hint};

/// TLS could not be set up as it must be. No credential was sent.
///
/// `Display` reads `<problem>; <hint>`.
#[derive(Clone)]
pub struct TlsError {
    kind: TlsErrorKind,
    host: Option<String>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What went wrong with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The TLS library could not be set up: no roots, or a provider failed.
    Setup,
    /// The server's certificate is not trusted, not valid now, or not for this host.
    Certificate,
    /// The server answered that it does not speak TLS.
    NotOffered,
    /// The server answered the request for TLS with an error: it is overloaded, and started no process.
    Unavailable,
    /// The handshake broke: the connection was lost, or no common version or cipher was found.
    Handshake,
}

impl TlsError {
    pub(crate) fn new(
        kind: TlsErrorKind,
        host: Option<&str>,
        cause: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, host: host.map(str::to_owned), cause: cause.map(Arc::from) }
    }

    /// What went wrong.
    pub fn kind(&self) -> TlsErrorKind {
        self.kind
    }

    /// The host whose identity was to be verified.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether the same call may succeed later: if the server was overloaded, or the connection was lost
    /// during the handshake.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            TlsErrorKind::Unavailable => true,
            TlsErrorKind::Handshake => cause::lost_connection(self),
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self.kind {
            TlsErrorKind::Setup => "install the system's certificate authorities (ca-certificates)",
            TlsErrorKind::Certificate => {
                "update the system's certificate authorities, or name the file with the server's own \
                 in PGSSLROOTCERT or sslrootcert; if the certificate is for another name or out of \
                 date, check the host and the clock"
            }
            TlsErrorKind::NotOffered => {
                "check the host and port, and `require_secure_transport` on the server"
            }
            TlsErrorKind::Unavailable => "check the load of the server, and try again later",
            TlsErrorKind::Handshake => {
                "check that nothing between here and the server ends or inspects TLS"
            }
        }
    }

    pub(crate) fn problem(&self) -> String {
        let host = self.host.as_deref().unwrap_or("the server");
        match self.kind {
            TlsErrorKind::Setup => "TLS could not be set up on this machine".to_owned(),
            TlsErrorKind::Certificate => format!("the certificate of {host} was not accepted"),
            TlsErrorKind::NotOffered => {
                format!("{host} does not offer TLS, so nothing was sent")
            }
            TlsErrorKind::Unavailable => {
                format!("{host} could not begin TLS, so nothing was sent")
            }
            TlsErrorKind::Handshake => format!("the TLS handshake with {host} failed"),
        }
    }
}

write_as_problem_and_hint!(TlsError);

impl StdError for TlsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
