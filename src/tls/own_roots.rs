//! TLS to a server that has certificate authorities of its own, which alone are trusted for it, and whose name in
//! the handshake is not that of its address.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::TlsBackend;
use crate::error::{TlsError, TlsErrorKind};

/// A verified stream, whichever library carries it.
pub(crate) type VerifiedStream = Box<dyn Stream>;

/// A stream of bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A handshake that names `name`, and accepts a certificate for it that one of the authorities in `roots`, a PEM
/// bundle, has signed.
pub(crate) async fn connect_trusting_only(
    roots: Vec<u8>,
    name: &str,
    stream: TcpStream,
) -> Result<VerifiedStream, TlsError> {
    match TlsBackend::default() {
        #[cfg(feature = "native-tls")]
        TlsBackend::NativeTls => native::connect(roots, name, stream).await,
        #[cfg(feature = "rustls")]
        TlsBackend::Rustls => by_rustls::connect(&roots, name, stream).await,
    }
}

fn set_up_error(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TlsError {
    TlsError::new(TlsErrorKind::Setup, None, Some(cause.into()))
}

#[cfg(feature = "native-tls")]
mod native {
    use native_tls::{Certificate, TlsConnector};
    use tokio::net::TcpStream;

    use super::{TlsError, VerifiedStream, set_up_error};
    use crate::{background::Background, tls::native::classify};

    pub(super) async fn connect(
        roots: Vec<u8>,
        name: &str,
        stream: TcpStream,
    ) -> Result<VerifiedStream, TlsError> {
        // OpenSSL reads the system's authorities, which takes its time, before it drops them.
        let connector =
            Background::start("tls-set-up", move || build(&roots).map_err(|it| it.to_string()))
                .map_err(set_up_error)?;
        let connector = connector.result().await.map_err(set_up_error)?.map_err(set_up_error)?;
        let stream = tokio_native_tls::TlsConnector::from(connector).connect(name, stream).await;
        Ok(Box::new(stream.map_err(|error| classify(name, error))?))
    }

    fn build(roots: &[u8]) -> Result<TlsConnector, native_tls::Error> {
        let mut builder = TlsConnector::builder();
        builder.disable_built_in_roots(true);
        for root in Certificate::stack_from_pem(roots)? {
            builder.add_root_certificate(root);
        }
        builder.build()
    }
}

#[cfg(feature = "rustls")]
mod by_rustls {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    };
    use tokio::net::TcpStream;

    use super::{TlsError, VerifiedStream, set_up_error};
    use crate::tls::rustls_connect::classify;

    pub(super) async fn connect(
        roots: &[u8],
        name: &str,
        stream: TcpStream,
    ) -> Result<VerifiedStream, TlsError> {
        let server = ServerName::try_from(name.to_owned()).map_err(set_up_error)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config(roots)?));
        let stream = connector.connect(server, stream).await;
        Ok(Box::new(stream.map_err(|error| classify(name, error))?))
    }

    fn config(pem: &[u8]) -> Result<ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(pem) {
            roots.add(root.map_err(set_up_error)?).map_err(set_up_error)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(set_up_error)?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}
