//! TLS through the operating system's library.

use std::io;

use native_tls::Certificate;
use tokio::net::TcpStream;
use tokio_postgres::{Socket, tls::TlsConnect};

use super::{
    CertificateFacts, SetUpError, TlsFacts, TlsStream, asks_for_certificate, root_cert_error,
};
use crate::{
    config::SslNegotiation,
    error::{ConfigError, TlsError, TlsErrorKind, cause},
};

#[derive(Clone, Debug)]
pub(crate) struct Connector(native_tls::TlsConnector);

impl Connector {
    /// Trusts the system's roots and, in addition, those in `roots`, a PEM bundle.
    pub(super) fn build(
        roots: Option<&[u8]>,
        negotiation: SslNegotiation,
    ) -> Result<Self, SetUpError> {
        let mut builder = native_tls::TlsConnector::builder();
        for root in roots.map(parse_roots).transpose()?.into_iter().flatten() {
            builder.add_root_certificate(root);
        }
        if negotiation == SslNegotiation::Direct {
            postgres_native_tls::set_postgresql_alpn(&mut builder);
        }
        let connector = builder
            .build()
            .map_err(|error| TlsError::new(TlsErrorKind::Setup, None, Some(error.into())))?;
        Ok(Self(connector))
    }

    pub(super) async fn connect(self, host: &str, socket: Socket) -> Result<TlsStream, TlsError> {
        let handshake = postgres_native_tls::TlsConnector::new(self.0, host).connect(socket);
        let stream = handshake.await.map_err(|error| classify(host, error))?;
        Ok(TlsStream::native(stream))
    }

    /// The library doesn't say which version and cipher were agreed on.
    pub(super) async fn probe(self, host: &str, stream: TcpStream) -> Result<TlsFacts, TlsError> {
        let connector = tokio_native_tls::TlsConnector::from(self.0);
        let stream =
            connector.connect(host, stream).await.map_err(|error| classify(host, error))?;
        let certificate = stream.get_ref().peer_certificate().ok().flatten();
        let der = certificate.and_then(|certificate| certificate.to_der().ok());
        let certificate = der.and_then(|der| CertificateFacts::read(&der));
        Ok(TlsFacts { version: None, cipher: None, certificate })
    }
}

fn parse_roots(pem: &[u8]) -> Result<Vec<Certificate>, ConfigError> {
    let roots = Certificate::stack_from_pem(pem).map_err(|error| {
        root_cert_error("the file holds no readable certificate").with_cause(error)
    })?;
    if roots.is_empty() {
        return Err(root_cert_error("the file holds no certificate"));
    }
    Ok(roots)
}

/// What the libraries say of a connection that ended in the middle of the handshake: OpenSSL, and
/// Security.framework in both of its ways. They give no [`io::Error`] with it.
const ENDED: [&str; 3] =
    ["unexpected eof", "connection closed gracefully", "connection closed with no"];

/// The libraries tell a refused certificate from a lost connection by their texts alone; all three
/// (OpenSSL, SChannel, Security.framework) speak of a certificate in the one case only.
pub(super) fn classify(host: &str, error: native_tls::Error) -> TlsError {
    let text = error.to_string().to_ascii_lowercase();
    let (kind, cause) = if cause::lost_connection(&error) {
        (TlsErrorKind::Handshake, error.into())
    } else if ENDED.iter().any(|end| text.contains(end)) {
        let ended = io::Error::new(io::ErrorKind::UnexpectedEof, error);
        (TlsErrorKind::Handshake, ended.into())
    } else if asks_for_certificate(&error) {
        (TlsErrorKind::ClientCertificate, error.into())
    } else if text.contains("certificate") {
        (TlsErrorKind::Certificate, error.into())
    } else {
        (TlsErrorKind::Handshake, error.into())
    };
    TlsError::new(kind, Some(host), Some(cause))
}
