//! One verified TLS connector, over native-tls or rustls.
//!
//! Chain and host name are always verified; there is no switch to turn that off. A connector is
//! expensive to build (native-tls parses the system's certificate authorities, about 55 ms) and
//! cheap to clone, so a [`Connector`](crate::connector::Connector) has one built and keeps it.

mod allowance;
mod certificate;
#[cfg(feature = "native-tls")]
mod native;
mod own_roots;
mod prepared;
mod probe;
#[cfg(feature = "rustls")]
mod rustls_config;
#[cfg(feature = "rustls")]
mod rustls_connect;
mod stream;
mod system_bundle;
mod unverified;

use std::{
    fs::File,
    future::Future,
    io::{self, Read},
    path::{Path, PathBuf},
    pin::Pin,
};

use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

pub(crate) use allowance::Allowance;
pub(crate) use certificate::CertificateFacts;
pub(crate) use own_roots::connect_trusting_only;
pub(crate) use prepared::PreparedTls;
#[cfg(feature = "blocking")]
pub(crate) use probe::ask_for_tls;
pub(crate) use probe::{TlsFacts, probe, why_no_tls};
#[cfg(feature = "rustls")]
pub(crate) use rustls_config::client_config as rustls_client_config;
pub use stream::TlsStream;
pub(crate) use system_bundle::system_bundle;
pub(crate) use unverified::shown_certificate;

use crate::{
    config::SslNegotiation,
    error::{ConfigError, ConfigErrorKind, Error, TlsError, cause},
};

/// Which TLS library carries the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsBackend {
    /// The operating system's library through native-tls: OpenSSL on Linux.
    #[cfg(feature = "native-tls")]
    NativeTls,
    /// rustls 0.23 with the aws-lc-rs provider.
    #[cfg(feature = "rustls")]
    Rustls,
}

impl TlsBackend {
    /// Every library that is compiled in.
    pub const ALL: &'static [Self] = &[
        #[cfg(feature = "native-tls")]
        Self::NativeTls,
        #[cfg(feature = "rustls")]
        Self::Rustls,
    ];
}

impl Default for TlsBackend {
    /// native-tls where it is compiled in, else rustls.
    fn default() -> Self {
        #[cfg(feature = "native-tls")]
        return Self::NativeTls;
        #[cfg(not(feature = "native-tls"))]
        return Self::Rustls;
    }
}

/// What a TLS connector is built from.
#[derive(Clone, Debug)]
pub(crate) struct TlsSetUp {
    pub(crate) backend: TlsBackend,
    pub(crate) root_cert: Option<PathBuf>,
    pub(crate) negotiation: SslNegotiation,
}

/// Why there is no TLS connector, for all who wait for it.
#[derive(Clone, Debug)]
enum SetUpError {
    RootCert(ConfigError),
    Library(TlsError),
}

/// A TLS connector for tokio-postgres. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct TlsConnector {
    library: Library,
    negotiation: SslNegotiation,
}

#[derive(Clone, Debug)]
enum Library {
    #[cfg(feature = "native-tls")]
    NativeTls(native::Connector),
    #[cfg(feature = "rustls")]
    Rustls(rustls_connect::Connector),
}

impl TlsConnector {
    /// Builds a connector. Blocks: reads files, and parses the system's certificate authorities.
    fn build(set_up: &TlsSetUp) -> Result<Self, SetUpError> {
        let roots = set_up.root_cert.as_deref().map(read_root_cert).transpose()?;
        let (roots, negotiation) = (roots.as_deref(), set_up.negotiation);
        let library = match set_up.backend {
            #[cfg(feature = "native-tls")]
            TlsBackend::NativeTls => {
                Library::NativeTls(native::Connector::build(roots, negotiation)?)
            }
            #[cfg(feature = "rustls")]
            TlsBackend::Rustls => {
                Library::Rustls(rustls_connect::Connector::build(roots, negotiation)?)
            }
        };
        Ok(Self { library, negotiation })
    }

    /// The error of a handshake that this began.
    fn explain(negotiation: SslNegotiation, error: TlsError) -> TlsError {
        match negotiation {
            SslNegotiation::Postgres => error,
            SslNegotiation::Direct => error.without_request(),
        }
    }
}

/// Hundreds of authorities fit into a megabyte.
const ROOT_CERT_LIMIT: u64 = 8 * 1024 * 1024;

fn read_root_cert(file: &Path) -> Result<Vec<u8>, ConfigError> {
    let unreadable = |error| root_cert_error("the file can't be read").with_cause(error);
    let file = File::open(file).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(ROOT_CERT_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > ROOT_CERT_LIMIT {
        let error = io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 8 MiB");
        return Err(unreadable(error));
    }
    Ok(bytes)
}

impl From<ConfigError> for SetUpError {
    fn from(error: ConfigError) -> Self {
        Self::RootCert(error)
    }
}

impl From<TlsError> for SetUpError {
    fn from(error: TlsError) -> Self {
        Self::Library(error)
    }
}

impl From<SetUpError> for Error {
    fn from(error: SetUpError) -> Self {
        match error {
            SetUpError::RootCert(error) => error.into(),
            SetUpError::Library(error) => error.into(),
        }
    }
}

/// An error about the file of certificate authorities, under the name that people set it by.
fn root_cert_error(problem: &'static str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Malformed,
        problem,
        "name a readable PEM file with the certificate authorities to trust, or unset it",
    )
    .in_variable("sslrootcert (PGSSLROOTCERT)")
}

/// Whether the words are those of an alert by which the server refuses our certificate, or that we have
/// none ([RFC 8446, section 6.2](https://www.rfc-editor.org/rfc/rfc8446#section-6.2)). With TLS 1.3 it comes
/// after the handshake.
pub(crate) fn asks_for_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    cause::all(error).map(ToString::to_string).chain([error.to_string()]).any(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("alert") && (text.contains("certificate") || text.contains("unknown ca"))
    })
}

impl MakeTlsConnect<Socket> for TlsConnector {
    type Stream = TlsStream;
    type TlsConnect = Handshake;
    type Error = TlsError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, TlsError> {
        Ok(Handshake { connector: self.clone(), host: host.to_owned() })
    }
}

/// A TLS handshake that has not begun.
pub(crate) struct Handshake {
    connector: TlsConnector,
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = TlsStream;
    type Error = TlsError;
    type Future = Pin<Box<dyn Future<Output = Result<TlsStream, TlsError>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let TlsConnector { library, negotiation } = self.connector;
            let stream = match library {
                #[cfg(feature = "native-tls")]
                Library::NativeTls(connector) => connector.connect(&self.host, socket).await,
                #[cfg(feature = "rustls")]
                Library::Rustls(connector) => connector.connect(&self.host, socket).await,
            };
            stream.map_err(|error| TlsConnector::explain(negotiation, error))
        })
    }
}
