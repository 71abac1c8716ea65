//! TLS through rustls.

use std::{fmt, io, sync::Arc};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_postgres::Socket;

use super::{
    CertificateFacts, SetUpError, TlsFacts, TlsStream, asks_for_certificate, root_cert_error,
    rustls_client_config,
};
use crate::{
    config::SslNegotiation,
    error::{ConfigError, TlsError, TlsErrorKind},
};

/// The protocol name that a server wants to see in a direct TLS handshake
/// ([documentation](https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL)).
pub(super) const ALPN: &[u8] = b"postgresql";

#[derive(Clone)]
pub(crate) struct Connector(tokio_rustls::TlsConnector);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Trusts the system's roots and, in addition, those in `roots`, a PEM bundle.
    pub(super) fn build(
        roots: Option<&[u8]>,
        negotiation: SslNegotiation,
    ) -> Result<Self, SetUpError> {
        let roots = roots.map(parse_roots).transpose()?.unwrap_or_default();
        let mut config = rustls_client_config(roots)?;
        if negotiation == SslNegotiation::Direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        Ok(Self(Arc::new(config).into()))
    }

    pub(super) async fn connect(self, host: &str, socket: Socket) -> Result<TlsStream, TlsError> {
        self.handshake(host, socket).await.map(TlsStream::rustls)
    }

    pub(super) async fn probe(self, host: &str, stream: TcpStream) -> Result<TlsFacts, TlsError> {
        let stream = self.handshake(host, stream).await?;
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        Ok(TlsFacts {
            version: session.protocol_version().map(|version| format!("{version:?}")),
            cipher: session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())),
            certificate: certificate.and_then(|der| CertificateFacts::read(der)),
        })
    }

    async fn handshake<S>(
        self,
        host: &str,
        stream: S,
    ) -> Result<tokio_rustls::client::TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            TlsError::new(TlsErrorKind::Certificate, Some(host), Some(error.into()))
        })?;
        self.0.connect(name, stream).await.map_err(|error| classify(host, error))
    }
}

fn parse_roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let roots =
        CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| {
            root_cert_error("the file holds no readable certificate").with_cause(error)
        })?;
    if roots.is_empty() {
        return Err(root_cert_error("the file holds no certificate"));
    }
    Ok(roots)
}

pub(super) fn classify(host: &str, error: io::Error) -> TlsError {
    let refused = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>())
        .is_some_and(|cause| matches!(cause, rustls::Error::InvalidCertificate(_)));
    let kind = match refused {
        true => TlsErrorKind::Certificate,
        false if asks_for_certificate(&error) => TlsErrorKind::ClientCertificate,
        false => TlsErrorKind::Handshake,
    };
    TlsError::new(kind, Some(host), Some(error.into()))
}
