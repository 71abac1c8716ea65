//! TLS through the operating system's library.

use native_tls::Certificate;
use tokio::net::TcpStream;
use tokio_postgres::{Socket, tls::TlsConnect};

use super::{CertificateFacts, TlsFacts, TlsStream, root_cert_error};
use crate::{Error, SslNegotiation, TlsError, TlsErrorKind, error::cause};

#[derive(Clone)]
pub(crate) struct Connector(native_tls::TlsConnector);

impl Connector {
    /// Trusts the system's roots and, in addition, those in `roots`, a PEM bundle.
    pub(super) fn build(roots: Option<&[u8]>, negotiation: SslNegotiation) -> Result<Self, Error> {
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

fn parse_roots(pem: &[u8]) -> Result<Vec<Certificate>, Error> {
    let roots = Certificate::stack_from_pem(pem).map_err(|error| {
        root_cert_error("the file holds no readable certificate").with_cause(error)
    })?;
    if roots.is_empty() {
        return Err(root_cert_error("the file holds no certificate").into());
    }
    Ok(roots)
}

/// The libraries tell a refused certificate from a lost connection by their texts alone; all three
/// (OpenSSL, SChannel, Security.framework) speak of a certificate in the one case only.
fn classify(host: &str, error: native_tls::Error) -> TlsError {
    let kind = if cause::lost_connection(&error) || !speaks_of_certificate(&error) {
        TlsErrorKind::Handshake
    } else {
        TlsErrorKind::Certificate
    };
    TlsError::new(kind, Some(host), Some(error.into()))
}

fn speaks_of_certificate(error: &native_tls::Error) -> bool {
    error.to_string().to_ascii_lowercase().contains("certificate")
}
