//! A TLS handshake on its own: no start-up message follows, so no credential is sent.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
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
    match ask_for_tls(stream).await.map_err(lost)? {
        None => Ok(()),
        Some(kind) => Err(TlsError::new(kind, Some(host), None)),
    }
}

/// Asks a server to go on with TLS, and returns why it does not. `N` means that it has no TLS; an error means
/// that it could not start a process for us, and is not sent over TLS, so nobody is to read it.
pub(crate) async fn ask_for_tls<S>(stream: &mut S) -> io::Result<Option<TlsErrorKind>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(&SSL_REQUEST).await?;
    Ok(match stream.read_u8().await? {
        b'S' => None,
        b'N' => Some(TlsErrorKind::NotOffered),
        b'E' => Some(TlsErrorKind::Unavailable),
        _ => Some(TlsErrorKind::NotPostgres),
    })
}

/// Why a server did not go on with TLS, which the driver does not say: it is asked again, on a connection
/// of its own. One that goes on with it by now, or is out of reach, was not without TLS but in trouble.
///
/// Cancel safe: dropping the future closes the connection.
pub(crate) async fn why_no_tls(host: &str, address: SocketAddr) -> TlsError {
    let asked = async { ask_for_tls(&mut TcpStream::connect(address).await?).await };
    let kind = asked.await.ok().flatten().unwrap_or(TlsErrorKind::Unavailable);
    TlsError::new(kind, Some(host), None)
}
