//! A TLS handshake on its own: no start-up message follows, so no credential is sent.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{CertificateFacts, Library, TlsConnector};
use crate::{
    config::SslNegotiation,
    error::{TlsError, TlsErrorKind},
};

/// Asks a PostgreSQL server to go on with TLS
/// ([format](https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST)).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What a verified handshake brought to light, as far as the TLS library tells.
#[derive(Clone, Debug)]
pub(crate) struct TlsFacts {
    pub(crate) version: Option<String>,
    pub(crate) cipher: Option<String>,
    pub(crate) certificate: Option<CertificateFacts>,
}

/// Begins TLS as a login would, verifies the certificate for this host name, and hangs up.
///
/// Cancel safe: dropping the future closes the connection.
pub(crate) async fn probe(
    connector: &TlsConnector,
    host: &str,
    mut stream: TcpStream,
) -> Result<TlsFacts, TlsError> {
    if connector.negotiation == SslNegotiation::Postgres {
        request_tls(host, &mut stream).await?;
    }
    let facts = match connector.library.clone() {
        #[cfg(feature = "native-tls")]
        Library::NativeTls(connector) => connector.probe(host, stream).await,
        #[cfg(feature = "rustls")]
        Library::Rustls(connector) => connector.probe(host, stream).await,
    };
    facts.map_err(|error| TlsConnector::explain(connector.negotiation, error))
}

pub(super) async fn request_tls(host: &str, stream: &mut TcpStream) -> Result<(), TlsError> {
    let lost = |error| TlsError::new(TlsErrorKind::Handshake, Some(host), Some(Box::from(error)));
    match ask(stream).await.map_err(lost)? {
        b'S' => Ok(()),
        answer => Err(TlsError::new(kind_of(answer), Some(host), None)),
    }
}

/// What another answer to the request for TLS than "go on" means.
pub(crate) fn kind_of(answer: u8) -> TlsErrorKind {
    match answer {
        b'N' => TlsErrorKind::NotOffered,
        b'E' => TlsErrorKind::Unavailable,
        _ => TlsErrorKind::NotPostgres,
    }
}

async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

/// Why a server did not go on with TLS, which the driver does not say: it is asked again, on a connection
/// of its own. `N` means that it has no TLS; an error means that it could not start a process for us, and
/// was not sent over TLS, so nobody is to read it.
///
/// Cancel safe: dropping the future closes the connection.
pub(crate) async fn why_no_tls(host: &str, address: SocketAddr) -> TlsError {
    let asked = async { ask(&mut TcpStream::connect(address).await?).await };
    let kind = match asked.await {
        Ok(b'S') => TlsErrorKind::Unavailable,
        Ok(answer) => kind_of(answer),
        Err(_) => TlsErrorKind::NotOffered,
    };
    TlsError::new(kind, Some(host), None)
}
