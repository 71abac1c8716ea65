use std::{error::Error as StdError, sync::Arc};

use super::{cause, text::write_as_problem_and_hint};

/// TLS could not be set up as it must be. No credential was sent.
///
/// `Display` reads `<problem>; <hint>`.
#[derive(Clone)]
pub struct TlsError {
    kind: TlsErrorKind,
    host: Option<String>,
    is_direct: bool,
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
    /// What answers there does not speak PostgreSQL's protocol.
    NotPostgres,
    /// The server asks for a certificate of the client's, which Azure never does.
    ClientCertificate,
    /// The server answered the request for TLS with an error: it is overloaded, and started no process.
    Unavailable,
    /// The handshake broke: the connection was lost, or no common version or cipher was found.
    Handshake,
}

/// What OpenSSL and rustls say of a certificate, and what to do then. In other words (those of other
/// systems' libraries) the general hint names all of it.
const CERTIFICATE: &[(&str, &str)] = &[
    ("hostname mismatch", OTHER_NAME),
    ("not valid for name", OTHER_NAME),
    ("certificate has expired", OUT_OF_DATE),
    ("certificate expired", OUT_OF_DATE),
    ("not yet valid", OUT_OF_DATE),
    ("not valid yet", OUT_OF_DATE),
];

const OTHER_NAME: &str = "the certificate is for another name: state the server's own name as the host, \
                          <name>.postgres.database.azure.com; if it is to be reached at an address that \
                          this name does not lead to, state that in PGHOSTADDR or hostaddr beside it";

const OUT_OF_DATE: &str = "the certificate is out of date by this machine's clock: check the clock, and \
                           that the host is the Azure server";

const AUTHORITIES: &str = "update the system's certificate authorities, or name the file with the server's \
                           own in PGSSLROOTCERT or sslrootcert; if the certificate is for another name or \
                           out of date, check the host and the clock";

/// The same of a handshake.
const HANDSHAKE: &[(&str, &str)] = &[
    ("protocol version", OLD_TLS),
    ("unsupported protocol", OLD_TLS),
    ("ProtocolVersion", OLD_TLS),
];

const OLD_TLS: &str = "client and server have no version of TLS in common: 1.2 or 1.3 is needed on both \
                       sides (in PgBouncer, client_tls_protocols=secure)";

const IN_BETWEEN: &str = "check the host, the port and the state of the server, and that nothing on the way \
                          there ends or inspects TLS";

/// PostgreSQL takes it since version 17
/// ([documentation](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLNEGOTIATION)).
const DIRECT: &str = "take sslnegotiation=direct out of the settings (or PGSSLNEGOTIATION): PostgreSQL \
                      begins TLS in that way from version 17 on, and PgBouncer from 1.25 on";

impl TlsError {
    pub(crate) fn new(
        kind: TlsErrorKind,
        host: Option<&str>,
        cause: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, host: host.map(str::to_owned), is_direct: false, cause: cause.map(Arc::from) }
    }

    /// The same where TLS began without the request for it.
    #[must_use]
    pub(crate) fn without_request(self) -> Self {
        Self { is_direct: true, ..self }
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
            TlsErrorKind::Certificate => self.hint_of(CERTIFICATE, AUTHORITIES),
            TlsErrorKind::NotOffered => {
                "check the host and port: a server of Azure always offers TLS, and a PgBouncer of your own with \
                 client_tls_sslmode"
            }
            TlsErrorKind::NotPostgres => {
                "check the host and port: 5432 is the server's, 6432 that of PgBouncer"
            }
            TlsErrorKind::ClientCertificate => {
                "check that the host is the Azure server: Azure asks for no client certificate, and this \
                 crate has none to show; a PgBouncer of your own asks with client_tls_sslmode=verify-ca \
                 or verify-full"
            }
            TlsErrorKind::Unavailable => "check the load of the server, and try again later",
            TlsErrorKind::Handshake if self.is_direct => DIRECT,
            TlsErrorKind::Handshake => self.hint_of(HANDSHAKE, IN_BETWEEN),
        }
    }

    /// What the library's words say about the remedy.
    fn hint_of(&self, texts: &[(&str, &'static str)], otherwise: &'static str) -> &'static str {
        let says = |part| cause::all(self).any(|cause| cause.to_string().contains(part));
        texts.iter().find(|(part, _)| says(part)).map_or(otherwise, |(_, hint)| hint)
    }

    pub(crate) fn problem(&self) -> String {
        let host = self.host.as_deref().unwrap_or("the server");
        match self.kind {
            TlsErrorKind::Setup => "TLS could not be set up on this machine".to_owned(),
            TlsErrorKind::Certificate => format!("the certificate of {host} was not accepted"),
            TlsErrorKind::NotOffered => {
                format!("{host} does not offer TLS, so nothing was sent")
            }
            TlsErrorKind::NotPostgres => {
                format!("what answers for {host} is no PostgreSQL server, so nothing was sent")
            }
            TlsErrorKind::ClientCertificate => format!("{host} asks for a client certificate"),
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
