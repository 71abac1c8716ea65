//! What a server shows when its certificate is refused.
//!
//! The one place where a certificate is not verified. No connection leaves it: the handshake is made for
//! what the server shows in it, nothing is sent after it, and what is read here is shown to people alone.

use tokio::net::TcpStream;

use super::{CertificateFacts, TlsBackend, probe::request_tls};
use crate::config::SslNegotiation;

/// Begins TLS as a login would, reads the certificate whatever it is, and hangs up. `None` if the server
/// shows none that can be read.
///
/// Cancel safe: dropping the future closes the connection.
pub(crate) async fn shown_certificate(
    backend: TlsBackend,
    negotiation: SslNegotiation,
    host: &str,
    mut stream: TcpStream,
) -> Option<CertificateFacts> {
    if negotiation == SslNegotiation::Postgres {
        request_tls(host, &mut stream).await.ok()?;
    }
    let der = match backend {
        #[cfg(feature = "native-tls")]
        TlsBackend::NativeTls => native::peer_certificate(negotiation, host, stream).await?,
        #[cfg(feature = "rustls")]
        TlsBackend::Rustls => recording::peer_certificate(negotiation, host, stream).await?,
    };
    CertificateFacts::read(&der)
}

#[cfg(feature = "native-tls")]
mod native {
    use tokio::net::TcpStream;

    use crate::{background::Background, config::SslNegotiation};

    pub(super) async fn peer_certificate(
        negotiation: SslNegotiation,
        host: &str,
        stream: TcpStream,
    ) -> Option<Vec<u8>> {
        // OpenSSL reads the system's authorities even if nothing is verified against them.
        let connector = Background::start("tls-set-up", move || connector(negotiation)).ok()?;
        let connector = connector.result().await.ok()??;
        let stream = tokio_native_tls::TlsConnector::from(connector).connect(host, stream).await;
        stream.ok()?.get_ref().peer_certificate().ok()??.to_der().ok()
    }

    fn connector(negotiation: SslNegotiation) -> Option<native_tls::TlsConnector> {
        let mut builder = native_tls::TlsConnector::builder();
        builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
        if negotiation == SslNegotiation::Direct {
            postgres_native_tls::set_postgresql_alpn(&mut builder);
        }
        builder.build().ok()
    }
}

#[cfg(feature = "rustls")]
mod recording {
    use std::sync::{Arc, OnceLock};

    use rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::CryptoProvider,
        pki_types::{CertificateDer, ServerName, UnixTime},
    };
    use tokio::net::TcpStream;

    use crate::{config::SslNegotiation, tls::rustls_connect::ALPN};

    pub(super) async fn peer_certificate(
        negotiation: SslNegotiation,
        host: &str,
        stream: TcpStream,
    ) -> Option<Vec<u8>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let recorder =
            Arc::new(Recorder { provider: Arc::clone(&provider), seen: OnceLock::new() });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&recorder) as _)
            .with_no_client_auth();
        if negotiation == SslNegotiation::Direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let handshake = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream);
        // It fails: the recorder refuses every certificate.
        drop(handshake.await);
        recorder.seen.get().cloned()
    }

    /// Keeps the certificate that it is asked about, and refuses it.
    #[derive(Debug)]
    struct Recorder {
        provider: Arc<CryptoProvider>,
        seen: OnceLock<Vec<u8>>,
    }

    const REFUSED: Error = Error::InvalidCertificate(CertificateError::UnknownIssuer);

    impl ServerCertVerifier for Recorder {
        fn verify_server_cert(
            &self,
            certificate: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            self.seen.get_or_init(|| certificate.to_vec());
            Err(REFUSED)
        }

        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(REFUSED)
        }

        fn verify_tls13_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(REFUSED)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    }
}
