//! The identity service: three protocols behind two listeners, one of them with TLS.

mod app_service;
mod authority;
mod discovery;
mod entra;
mod entra_error;
mod fault;
mod http;
mod imds;
mod managed;
mod message;
mod requests;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_rustls::TlsAcceptor;

use self::{authority::Authority, requests::RequestLog};
pub use self::{
    fault::IdentityFault,
    requests::{Protocol, RecordedRequest},
};
use super::{EmulatorError, Login, TokenSpec, lock, mint::Mint, net, unix_now};

/// The identity service of a local Azure: what issues tokens.
///
/// It speaks HTTP on one loopback port and HTTPS on another, and makes the request checks that the
/// platforms make. Every method acts at once and may be called from any thread.
pub struct IdentityService {
    shared: Arc<Shared>,
    federated_token_file: PathBuf,
}

/// What the handle and the listener share.
struct Shared {
    authority: Authority,
    https_url: String,
    log: RequestLog,
    fault: Mutex<Option<IdentityFault>>,
}

impl Shared {
    fn fault(&self) -> Option<IdentityFault> {
        lock(&self.fault).clone()
    }
}

impl IdentityService {
    /// Starts the listener on the current runtime. The file is where a Kubernetes token is written.
    pub(crate) async fn start(
        mint: Arc<Mint>,
        lifetime: Option<Duration>,
        federated_token_file: PathBuf,
        acceptor: TlsAcceptor,
    ) -> Result<Self, EmulatorError> {
        let (listener, address) = net::bind().await?;
        let (https_listener, https_address) = net::bind().await?;
        let shared = Arc::new(Shared {
            authority: Authority::new(mint, format!("http://{address}"), lifetime),
            https_url: format!("https://{https_address}"),
            log: RequestLog::default(),
            fault: Mutex::default(),
        });
        tokio::spawn(http::listen(listener, Arc::clone(&shared)));
        tokio::spawn(http::listen_with_tls(https_listener, acceptor, Arc::clone(&shared)));
        let service = Self { shared, federated_token_file };
        service.rotate_federated_token()?;
        Ok(service)
    }

    /// `http://127.0.0.1:<port>`: the base of all three protocols.
    pub fn base_url(&self) -> &str {
        self.shared.authority.base_url()
    }

    /// The latest requests, the oldest first. The last ten thousand are kept.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.log.all()
    }

    /// `https://127.0.0.1:<port>`: the same with a certificate of the local authority, for the Azure SDKs,
    /// which take no other base for Microsoft Entra ID.
    pub fn https_url(&self) -> &str {
        &self.shared.https_url
    }

    /// How many requests have arrived.
    pub fn request_count(&self) -> usize {
        self.shared.log.count()
    }

    /// How many requests were answered with a token.
    pub fn tokens_issued(&self) -> usize {
        self.shared.authority.issued()
    }

    /// Makes the service misbehave until `None` is set. Acts on open connections too.
    pub fn set_fault(&self, fault: Option<IdentityFault>) {
        *lock(&self.shared.fault) = fault;
    }

    /// How long the tokens live that are issued from now on, for all identities.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.authority.set_lifetime(lifetime);
    }

    /// Whether managed identities get the same token again until it is about to expire, as the back
    /// end of Azure does. Off at the start: each request gets a new token.
    pub fn set_token_caching(&self, on: bool) {
        self.shared.authority.set_caching(on);
    }

    /// Signs a token as the service itself would, without a request.
    pub fn mint_token(&self, spec: &TokenSpec) -> String {
        self.shared.authority.mint().access_token(spec, unix_now())
    }

    /// Writes a new token into the file that `AZURE_FEDERATED_TOKEN_FILE` names, as Kubernetes does
    /// from time to time. The one before stays valid until it expires.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Io`] if the file can't be written.
    pub fn rotate_federated_token(&self) -> Result<(), EmulatorError> {
        let token = self.shared.authority.service_account_token();
        // Renamed into place, so that a reader never sees half a token.
        let new = self.federated_token_file.with_extension("new");
        fs::write(&new, token)
            .and_then(|()| fs::rename(&new, &self.federated_token_file))
            .map_err(EmulatorError::io(format!("write the file {}", new.display())))
    }

    pub(crate) fn federated_token_file(&self) -> &Path {
        &self.federated_token_file
    }

    pub(crate) fn identity_header(&self) -> &str {
        self.shared.authority.identity_header()
    }

    pub(crate) fn client_secret(&self, login: Login) -> &str {
        self.shared.authority.client_secret(login)
    }
}

/// Shows the address, never a secret.
impl fmt::Debug for IdentityService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityService")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}
