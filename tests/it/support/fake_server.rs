//! Servers that are not PostgreSQL, and keep what they receive.

pub mod hostile;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::{
    RootCertStore,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// A server on loopback. Dropping it stops it.
pub struct FakeServer {
    port: u16,
    received: Received,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Everything that clients sent, after decryption.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<u8>>>);

impl FakeServer {
    /// Accepts, reads, and never answers.
    pub async fn silent() -> Self {
        Self::start(|mut stream, received| async move { received.drain(&mut stream).await }).await
    }

    /// Answers the request for TLS with `N`.
    pub async fn without_tls() -> Self {
        Self::start(|mut stream, received| async move {
            if received.take(&mut stream, 8).await && stream.write_all(b"N").await.is_ok() {
                received.drain(&mut stream).await;
            }
        })
        .await
    }

    /// Speaks TLS with this identity, and asks whoever completes the handshake for a password.
    pub async fn with_tls(acceptor: TlsAcceptor) -> Self {
        Self::start(move |mut stream, received| {
            let acceptor = acceptor.clone();
            async move {
                if !received.take(&mut stream, 8).await || stream.write_all(b"S").await.is_err() {
                    return;
                }
                match acceptor.accept(stream).into_fallible().await {
                    Ok(mut stream) => {
                        // AuthenticationCleartextPassword.
                        let _ = stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await;
                        received.drain(&mut stream).await;
                    }
                    // What the client still sends is read: else the system would answer with a reset.
                    Err((_, mut stream)) => received.drain(&mut stream).await,
                }
            }
        })
        .await
    }

    /// Asks for a certificate of the client's, and says so in an alert to whoever has none.
    pub async fn asking_for_a_certificate(acceptor: TlsAcceptor) -> Self {
        Self::start(move |mut stream, received| {
            let acceptor = acceptor.clone();
            async move {
                if !received.take(&mut stream, 8).await || stream.write_all(b"S").await.is_err() {
                    return;
                }
                if let Err((_, mut stream)) = acceptor.accept(stream).into_fallible().await {
                    // What the client still sends is read: else the system would answer with a reset.
                    received.drain(&mut stream).await;
                }
            }
        })
        .await
    }

    /// Speaks HTTPS with this identity, and answers each request with a status and a body.
    pub async fn https(acceptor: TlsAcceptor, answer: fn(&str) -> (u16, String)) -> Self {
        Self::start(move |stream, received| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let Some(request) = received.take_request(&mut stream).await else { return };
                let (status, body) = answer(&request);
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
                // A client that hangs up has seen enough.
                let _ = stream.write_all((head + &body).as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the text is part of what any client sent.
    pub fn received(&self, text: &str) -> bool {
        let bytes = self.received.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Whether any client sent anything at all.
    pub fn was_asked(&self) -> bool {
        !self.received.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream, Received) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_on(listener().await, serve)
    }

    fn start_on<F, S>(listener: TcpListener, serve: S) -> Self
    where
        S: Fn(TcpStream, Received) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let port = listener.local_addr().unwrap().port();
        let received = Received::default();
        let connections = Arc::default();
        let (shared, count) = (received.clone(), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                AtomicUsize::fetch_add(&count, 1, Ordering::SeqCst);
                served.spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, received, connections, task }
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Received {
    async fn take(&self, stream: &mut (impl AsyncRead + Unpin), count: usize) -> bool {
        let mut bytes = vec![0; count];
        let complete = stream.read_exact(&mut bytes).await.is_ok();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        complete
    }

    /// A request with its whole body; `None` if the client hangs up before its end.
    async fn take_request(&self, stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
        let mut request = String::new();
        while !is_complete(&request) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(&bytes[..count]);
            request.push_str(std::str::from_utf8(&bytes[..count]).ok()?);
        }
        Some(request)
    }

    async fn drain(&self, stream: &mut (impl AsyncRead + Unpin)) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(&bytes[..count]);
        }
    }
}

fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}

/// A certificate authority of the tests' own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        Self::named("authority of the tests")
    }

    pub fn named(name: &str) -> Self {
        let mut params = params(Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Another name than the certificates it signs, or they would count as self-signed.
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// The authority's certificate, for clients to trust.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names and addresses and its key, both as PEM.
    pub fn certificate(&self, hosts: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = server_params(hosts);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// A server identity for this host name, with the change applied to its certificate.
    pub fn acceptor(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        self.acceptor_with(host, change, Arc::new(NoClientAuth))
    }

    /// The same, which lets in those alone who show a certificate of this authority.
    pub fn acceptor_of_its_own(&self, host: &str) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        self.acceptor_with(host, |_| (), verifier.build().unwrap())
    }

    fn acceptor_with(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
        clients: Arc<dyn ClientCertVerifier>,
    ) -> TlsAcceptor {
        let mut params = server_params(&[host]);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config).into()
    }
}

/// What Apple's verifier asks of a server's certificate, and others don't mind
/// ([requirements](https://support.apple.com/en-us/103769)).
fn server_params(hosts: &[&str]) -> CertificateParams {
    let mut params = params(hosts.iter().map(ToString::to_string).collect());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// Valid from yesterday, for clocks that differ, and for less than the 825 days that Apple allows.
fn params(hosts: Vec<String>) -> CertificateParams {
    const DAY: Duration = Duration::from_secs(86_400);
    let mut params = CertificateParams::new(hosts).unwrap();
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 90 * DAY).into();
    params
}
