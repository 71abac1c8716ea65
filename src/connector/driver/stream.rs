//! A stream to a server, TLS verified and nothing sent: for a login that the driver can't make.
//!
//! The driver opens the socket, with the keepalives and limits of the settings, and asks for TLS. Once the
//! handshake is done its part is over: it is handed an error, and we keep the stream.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_postgres::{
    Config, Socket,
    config::SslMode,
    tls::{MakeTlsConnect, TlsConnect},
};

use super::{Attempt, classify, error::classify_answer, of_cancel};
use crate::{
    config::Host,
    connector::{
        Connector,
        progress::{ObservedHandshake, ObservedTls},
        runtime::until,
    },
    error::{ConnectError, Error, Stage, TlsError, TlsErrorKind},
    tls::{Allowance, TlsStream, why_no_tls},
};

/// Where a session is: a server's name and the address that it was reached at.
#[derive(Clone, Debug)]
pub(crate) struct ServerAddress {
    host: Host,
    address: SocketAddr,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.host.name(), self.address)
    }
}

impl Attempt<'_> {
    /// A stream to the server of this attempt, and the limit to what it reads, to be lifted after the login.
    pub(crate) async fn stream(&self) -> Result<(TlsStream, Allowance), Error> {
        let (tls, allowance) = self.tls().await?;
        match open(self.config(), tls, self.host).await {
            Ok(stream) => Ok((stream, allowance)),
            Err(Error::Tls(error)) if error.kind() == TlsErrorKind::NotOffered => {
                Err(why_no_tls(self.host.name(), self.address).await.into())
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn server(&self) -> ServerAddress {
        ServerAddress { host: self.host.clone(), address: self.address }
    }

    /// The role that logs in.
    pub(crate) fn user(&self) -> &str {
        self.login.user()
    }

    /// What goes into the password message.
    pub(crate) fn password(&self) -> &str {
        self.login.password()
    }

    /// Sorts a refusal of this login, as the server sent it.
    pub(crate) fn refused(&self, sqlstate: &str, message: &str) -> Error {
        classify_answer(sqlstate, message, self.host, Some(self.login))
    }

    /// A connection that broke, or can't be used, during this login.
    pub(crate) fn failed(&self, cause: io::Error) -> Error {
        let is_transient = cause.kind() != io::ErrorKind::Unsupported
            && cause.kind() != io::ErrorKind::InvalidData;
        ConnectError::new(self.host.name(), self.host.port(), is_transient, cause).into()
    }
}

impl Connector {
    /// A stream to a server that a session of this connector is on.
    pub(crate) async fn stream_to(&self, server: &ServerAddress) -> Result<TlsStream, Error> {
        let ServerAddress { host, address } = server;
        let progress = self.progress();
        let stream = async {
            progress.enter(Stage::Tcp);
            let tls = ObservedTls {
                connector: self.tls().await?,
                progress: progress.clone(),
                allowance: Allowance::for_login(),
                in_clear: false,
            };
            // The driver insists on a user, and does not come to need one.
            let mut config = self.0.driver_config.clone();
            config.host(host.name()).hostaddr(address.ip()).port(address.port()).user("cancel");
            open(config, tls, host).await.map_err(of_cancel)
        };
        until(progress.deadline(), stream).await.unwrap_or_else(|| Err(progress.timed_out()))
    }
}

/// Opens the socket and TLS over it.
async fn open(mut config: Config, tls: ObservedTls, host: &Host) -> Result<TlsStream, Error> {
    config.ssl_mode(SslMode::Require);
    let handover = Handover { tls, stream: Slot::default() };
    let slot = Arc::clone(&handover.stream);
    let ended = config.connect(handover).await;
    let stream = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (stream, ended) {
        (Some(stream), _) => Ok(stream),
        (None, Err(error)) => Err(classify(error, host, None)),
        (None, Ok(_)) => {
            Err(TlsError::new(TlsErrorKind::NotOffered, Some(host.name()), None).into())
        }
    }
}

type Slot = Arc<Mutex<Option<TlsStream>>>;

/// Keeps the stream from the driver.
struct Handover {
    tls: ObservedTls,
    stream: Slot,
}

struct HandoverHandshake {
    handshake: ObservedHandshake,
    stream: Slot,
}

impl MakeTlsConnect<Socket> for Handover {
    type Stream = TlsStream;
    type TlsConnect = HandoverHandshake;
    type Error = TlsError;

    fn make_tls_connect(&mut self, host: &str) -> Result<HandoverHandshake, TlsError> {
        let handshake = self.tls.make_tls_connect(host)?;
        Ok(HandoverHandshake { handshake, stream: Arc::clone(&self.stream) })
    }
}

impl TlsConnect<Socket> for HandoverHandshake {
    type Stream = TlsStream;
    type Error = TlsError;
    type Future = Pin<Box<dyn Future<Output = Result<TlsStream, TlsError>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let stream = self.handshake.connect(socket).await?;
            *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
            Err(TlsError::new(TlsErrorKind::Handshake, None, None))
        })
    }
}
