//! One verified TLS connector, over native-tls or rustls.
//!
//! Chain and host name are always verified; there is no switch to turn that off. A connector is
//! expensive to build (native-tls parses the system's certificate authorities, about 55 ms) and
//! cheap to clone, so a [`Connector`](crate::Connector) builds one and keeps it.

mod allowance;
mod certificate;
#[cfg(feature = "native-tls")]
mod native;
mod probe;
#[cfg(feature = "rustls")]
mod rustls_config;
#[cfg(feature = "rustls")]
mod rustls_connect;
mod stream;

use std::{future::Future, path::Path, pin::Pin};

use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

pub(crate) use allowance::Allowance;
pub(crate) use certificate::CertificateFacts;
pub(crate) use probe::{TlsFacts, probe};
#[cfg(feature = "rustls")]
pub(crate) use rustls_config::client_config as rustls_client_config;
pub use stream::TlsStream;

use crate::{ConfigError, ConfigErrorKind, Error, TlsError, config::SslNegotiation};

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
pub(crate) struct TlsSetup<'a> {
    pub(crate) backend: TlsBackend,
    pub(crate) root_cert: Option<&'a Path>,
    pub(crate) negotiation: SslNegotiation,
}

/// A TLS connector for tokio-postgres. Cloning is cheap.
#[derive(Clone)]
pub(crate) enum TlsConnector {
    #[cfg(feature = "native-tls")]
    NativeTls(native::Connector),
    #[cfg(feature = "rustls")]
    Rustls(rustls_connect::Connector),
}

impl TlsConnector {
    /// Builds a connector. Blocks: reads files, and parses the system's certificate authorities.
    pub(crate) fn build(setup: &TlsSetup<'_>) -> Result<Self, Error> {
        let roots = setup.root_cert.map(read_root_cert).transpose()?;
        match setup.backend {
            #[cfg(feature = "native-tls")]
            TlsBackend::NativeTls => {
                native::Connector::build(roots.as_deref(), setup.negotiation).map(Self::NativeTls)
            }
            #[cfg(feature = "rustls")]
            TlsBackend::Rustls => {
                rustls_connect::Connector::build(roots.as_deref(), setup.negotiation)
                    .map(Self::Rustls)
            }
        }
    }
}

fn read_root_cert(file: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(file).map_err(|error| root_cert_error("the file can't be read").with_cause(error))
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
            match self.connector {
                #[cfg(feature = "native-tls")]
                TlsConnector::NativeTls(connector) => connector.connect(&self.host, socket).await,
                #[cfg(feature = "rustls")]
                TlsConnector::Rustls(connector) => connector.connect(&self.host, socket).await,
            }
        })
    }
}
