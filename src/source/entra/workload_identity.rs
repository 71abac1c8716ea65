use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{CLIENT_ID, TokenEndpoint, empty};
use crate::{
    background::OneAtATime,
    cloud::Cloud,
    environment::Environment,
    error::{ConfigError, TokenError, TokenErrorKind},
    secret::Secret,
    source::{
        TokenFuture, TokenSource,
        http::{TokenProxy, retry},
    },
    token::{AccessToken, Claims},
};

const NAME: &str = "workload identity";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A service account token takes one or two kilobytes.
const MAX_FILE: u64 = 64 * 1024;

/// A mounted file answers at once; a hung network mount never does.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A Kubernetes service account that is federated with an application or a managed identity.
///
/// The file is read at every exchange, since Kubernetes rewrites it about every hour. The request
/// goes to Microsoft Entra ID as that of a [`ClientSecret`](super::ClientSecret) does. The protocol:
/// [documentation](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential).
///
/// One fetch retries as that of a client secret does, and also when Entra finds no federated credential:
/// a new one takes some minutes to spread.
#[derive(Clone, Debug)]
pub struct WorkloadIdentity {
    endpoint: TokenEndpoint,
    client_id: String,
    token_file: PathBuf,
    /// The token in the file, or why it can't be read.
    reading: OneAtATime<Result<Secret, Arc<io::Error>>>,
}

impl WorkloadIdentity {
    /// An identity of a tenant (a GUID or a domain name) in the public cloud, which the token in
    /// the file proves.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the tenant can't be one, or the client id is empty.
    pub fn new(
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
        token_file: impl Into<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let (client_id, token_file) = (client_id.into(), token_file.into());
        if client_id.is_empty() {
            return Err(empty("client id", CLIENT_ID));
        }
        let endpoint = TokenEndpoint::new(tenant_id.into())?;
        Ok(Self { endpoint, client_id, token_file, reading: OneAtATime::default() })
    }

    /// Moves Microsoft Entra ID to another base URL, such as that of another cloud
    /// ([`Cloud::authority_host`]).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless the URL is an `https` one (also without its scheme), or `http` with a
    /// loopback address.
    pub fn with_authority_host(mut self, url: &str) -> Result<Self, ConfigError> {
        self.endpoint = self.endpoint.with_authority_host(url)?;
        Ok(self)
    }

    /// Uses the authority of this cloud, or `AZURE_AUTHORITY_HOST` if it is set; in a pod with an AKS identity
    /// binding, through the token proxy that `AZURE_KUBERNETES_TOKEN_PROXY` names.
    ///
    /// That proxy is known by the certificate authority in `AZURE_KUBERNETES_CA_FILE` (read at each request) or
    /// `AZURE_KUBERNETES_CA_DATA`, which alone is trusted, and by the name in `AZURE_KUBERNETES_SNI_NAME`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the first variable is not an `https` URL, nor `http` with a loopback address; if the
    /// proxy's is not an `https` URL, or its companions are not complete.
    pub fn in_environment(
        mut self,
        cloud: Cloud,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        self.endpoint = self.endpoint.in_environment(cloud, environment)?;
        if let Some(proxy) = TokenProxy::from_environment(environment)? {
            self.endpoint = self.endpoint.through(proxy);
        }
        Ok(self)
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let assertion = self.read_assertion().await?;
        let form = [
            ("client_id", self.client_id.as_str()),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.expose()),
            ("grant_type", "client_credentials"),
            ("scope", &super::default_scope(scope)),
        ];
        self.endpoint.exchange(NAME, &form, &[assertion.expose()]).await
    }

    async fn read_assertion(&self) -> Result<Secret, TokenError> {
        let unread = |kind, problem| TokenError::new(kind, NAME, problem);
        let path = self.token_file.clone();
        let reading = self
            .reading
            .join_or_start("token-file", move || read(&path).map_err(Arc::new))
            .map_err(|error| unreadable().with_cause(error))?;
        match tokio::time::timeout(READ_TIMEOUT, reading.result()).await {
            Ok(Ok(text)) => text.map_err(|error| unreadable().with_cause(error)),
            Ok(Err(panicked)) => {
                let problem = "reading the token file was stopped";
                Err(unread(TokenErrorKind::Interrupted, problem).with_cause(panicked))
            }
            Err(elapsed) => {
                let problem = "the service account token could not be read in time";
                Err(unread(TokenErrorKind::Timeout, problem).with_cause(elapsed))
            }
        }
    }
}

impl TokenSource for WorkloadIdentity {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(retry::run(NAME, retry::entra, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

fn read(path: &Path) -> io::Result<Secret> {
    // Space for all of it from the beginning, since growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 1));
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is larger than 64 KiB"));
    }
    // Windows tools begin a text with a byte order mark.
    let token = text.trim_start_matches('\u{feff}').trim();
    // What else lies in a file, such as a private key, must not be sent to anybody.
    if !Claims::are_in(token) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file holds no token"));
    }
    Ok(Secret::new(token))
}

fn unreadable() -> TokenError {
    TokenError::new(TokenErrorKind::Configuration, NAME, "the service account token can't be read")
        .with_hint(
            "AZURE_FEDERATED_TOKEN_FILE must name a file that holds a service account token and \
             nothing else; check the variable, and that the pod has the label \
             azure.workload.identity/use",
        )
}
