//! TLS through the operating system's library.

use native_tls::Certificate;
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

use super::{TlsStream, root_cert_error};
use crate::{Error, SslNegotiation, TlsError, TlsErrorKind, error::cause};

#[derive(Clone)]
pub(crate) struct Connector(MakeTlsConnector);

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
        Ok(Self(MakeTlsConnector::new(connector)))
    }

    pub(super) async fn connect(
        mut self,
        host: &str,
        socket: Socket,
    ) -> Result<TlsStream, TlsError> {
        let classify = |error| classify(host, error);
        let handshake = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.0, host);
        let stream = handshake.map_err(classify)?.connect(socket).await.map_err(classify)?;
        Ok(TlsStream::native(stream))
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
