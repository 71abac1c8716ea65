use hyper::header::HeaderValue;
use reqwest::Url;

use super::{ELSEWHERE, Selectors};
use crate::{
    environment::Environment,
    error::{ConfigError, TokenError, TokenErrorKind},
    identity::UserAssignedId,
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Answer, Client, endpoint, retry},
    },
    token::AccessToken,
};

const NAME: &str = "IMDS";
const DEFAULT_BASE: &str = "http://169.254.169.254";
const BASE_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
const PATH: &str = "metadata/identity/oauth2/token";

/// The first version with this path; later ones answer the same.
const API_VERSION: &str = "2018-02-01";

const SELECTORS: Selectors =
    Selectors { client_id: "client_id", object_id: "object_id", resource_id: "msi_res_id" };

/// The Instance Metadata Service: managed identities of virtual machines, scale sets, AKS nodes,
/// Azure Container Instances and Azure Spring Apps.
///
/// Requests go straight to `169.254.169.254` over plain HTTP: proxies are ignored, no redirect is
/// followed, and no certificate authorities are needed. The protocol:
/// [documentation](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
///
/// One fetch retries as that page says: for 31 s on throttling and server errors, for 70 s while IMDS
/// is being updated (status 410). Where there is no IMDS it gives up after 7 to 15 s.
///
/// ```
/// use postgres_entra::{UserAssignedId, source::Imds};
///
/// let client_id = "11111111-2222-3333-4444-555555555555";
/// let source = Imds::new().with_identity(UserAssignedId::ClientId(client_id.into()));
/// ```
#[derive(Clone, Debug)]
pub struct Imds {
    endpoint: Url,
    identity: Option<UserAssignedId>,
    client: Client,
}

impl Imds {
    /// The system-assigned identity, or the only user-assigned one, at the well-known address.
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the constant is a valid URL")]
        let base = Url::parse(DEFAULT_BASE).expect("the constant is a valid URL");
        Self::at(&base)
    }

    /// The same, at the address that `AZURE_POD_IDENTITY_AUTHORITY_HOST` gives, if it is set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if that variable is not a plain HTTP URL.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        match environment.get(BASE_VARIABLE) {
            Some(url) => Self::new().with_base_url(&url).map_err(|e| e.in_variable(BASE_VARIABLE)),
            None => Ok(Self::new()),
        }
    }

    fn at(base: &Url) -> Self {
        Self { endpoint: endpoint::join(base, PATH), identity: None, client: Client::Plain }
    }

    /// Asks for this user-assigned identity.
    #[must_use]
    pub fn with_identity(mut self, identity: UserAssignedId) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Moves the service to another base URL, which replaces `http://169.254.169.254`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if this is not a plain HTTP URL.
    pub fn with_base_url(mut self, url: &str) -> Result<Self, ConfigError> {
        self.endpoint = endpoint::join(&endpoint::local(url)?, PATH);
        Ok(self)
    }

    #[cfg(test)]
    pub(in crate::source) fn with_client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let identity = self.identity.as_ref().map(|identity| (&SELECTORS, identity));
        let mut request = super::request(NAME, &self.endpoint, API_VERSION, scope, identity)?;
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        super::attempt(NAME, &self.client, request, refused).await.map_err(explain_absence)
    }
}

impl Default for Imds {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenSource for Imds {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(retry::run(NAME, retry::imds, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

/// 404 and 410 mean that IMDS is being updated.
fn refused(answer: &Answer) -> TokenError {
    let kind = match answer.status {
        404 | 410 => TokenErrorKind::Unavailable,
        status => kind_of(status),
    };
    super::refused(NAME, answer, &[], kind)
}

fn explain_absence(error: TokenError) -> TokenError {
    if error.kind() == TokenErrorKind::Unreachable { error.with_hint(ELSEWHERE) } else { error }
}
