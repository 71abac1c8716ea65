//! The identity service: all protocols behind two listeners, one of them with TLS, and a token proxy behind a third.

mod app_service;
mod arc_challenges;
mod authority;
mod azure_arc;
mod cloud_shell;
mod container_instances;
mod discovery;
mod entra;
mod entra_error;
mod fault;
mod http;
mod imds;
mod machine_learning;
mod managed;
mod message;
mod requests;
mod routes;
mod token_proxy;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_rustls::TlsAcceptor;

pub(crate) use self::token_proxy::SNI_NAME;
use self::{
    arc_challenges::Challenges, authority::Authority, requests::RequestLog, token_proxy::TokenProxy,
};
pub use self::{
    fault::IdentityFault,
    requests::{Protocol, RecordedRequest},
};
use super::{
    EmulatorError, Login, TokenSpec, lock,
    mint::{BINDING_AUDIENCE, EXCHANGE_AUDIENCE, Mint},
    net, unix_now,
};

/// The identity service of a local Azure: what issues tokens.
///
/// It speaks HTTP on one loopback port and HTTPS on another, and makes the request checks that the
/// platforms make. Every method acts at once and may be called from any thread.
pub struct IdentityService {
    shared: Arc<Shared>,
    files: Files,
}

/// Where the identity service writes what its clients read.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// A Kubernetes token for Microsoft Entra ID, and one for the token proxy.
    pub(crate) federated_token: PathBuf,
    pub(crate) binding_token: PathBuf,
    /// The authority of the token proxy.
    pub(crate) token_proxy_ca: PathBuf,
    /// The folder for the challenges of Azure Arc's agent.
    pub(crate) arc_tokens: PathBuf,
}

/// What the handle and the listener share.
struct Shared {
    authority: Authority,
    challenges: Challenges,
    token_proxy: TokenProxy,
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
    /// Starts the listeners on the current runtime.
    pub(crate) async fn start(
        mint: Arc<Mint>,
        lifetime: Option<Duration>,
        files: Files,
        acceptor: TlsAcceptor,
    ) -> Result<Self, EmulatorError> {
        let (listener, address) = net::bind().await?;
        let (https_listener, https_address) = net::bind().await?;
        let (proxy_listener, proxy_address) = net::bind().await?;
        let shared = Arc::new(Shared {
            authority: Authority::new(mint, format!("http://{address}"), lifetime),
            challenges: Challenges::new(files.arc_tokens.clone()),
            token_proxy: TokenProxy::new(proxy_address.to_string(), files.token_proxy_ca.clone())?,
            https_url: format!("https://{https_address}"),
            log: RequestLog::default(),
            fault: Mutex::default(),
        });
        tokio::spawn(http::listen(listener, Arc::clone(&shared)));
        tokio::spawn(http::listen_with_tls(https_listener, acceptor, Arc::clone(&shared)));
        tokio::spawn(http::listen_as_token_proxy(proxy_listener, Arc::clone(&shared)));
        let service = Self { shared, files };
        service.rotate_federated_token()?;
        Ok(service)
    }

    /// `http://127.0.0.1:<port>`: the base of all protocols but the token proxy's.
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

    /// Writes new tokens into the files that `AZURE_FEDERATED_TOKEN_FILE` names, as Kubernetes does
    /// from time to time. The ones before stay valid until they expire.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Io`] if a file can't be written.
    pub fn rotate_federated_token(&self) -> Result<(), EmulatorError> {
        let files = [
            (&self.files.federated_token, EXCHANGE_AUDIENCE),
            (&self.files.binding_token, BINDING_AUDIENCE),
        ];
        for (file, audience) in files {
            let token = self.shared.authority.service_account_token(audience);
            token_proxy::replace(file, &token)
                .map_err(EmulatorError::io(format!("write the file {}", file.display())))?;
        }
        Ok(())
    }

    /// Gives the token proxy of the AKS identity binding a new certificate of a new authority, and writes that into the
    /// file that `AZURE_KUBERNETES_CA_FILE` names, as the cluster does from time to time.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Crypto`] or [`EmulatorError::Io`] if they can't be made or written.
    pub fn replace_token_proxy_authority(&self) -> Result<(), EmulatorError> {
        self.shared.token_proxy.replace_authority()
    }

    /// The folder in which the agent of Azure Arc writes its challenge files, for
    /// [`AzureArc::with_tokens_folder`](crate::source::AzureArc::with_tokens_folder).
    pub fn arc_tokens_folder(&self) -> &Path {
        self.shared.challenges.folder()
    }

    pub(crate) fn token_proxy(&self) -> &TokenProxy {
        &self.shared.token_proxy
    }

    /// The file with the Kubernetes token of this login.
    pub(crate) fn federated_token_file(&self, login: Login) -> &Path {
        match login {
            Login::IdentityBinding => &self.files.binding_token,
            _ => &self.files.federated_token,
        }
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
