use hyper::header::HeaderValue;
use reqwest::Url;

use super::{Selectors, hint::ELSEWHERE, machine};
use crate::{
    config::value_of,
    environment::Environment,
    error::{ConfigError, TokenError, TokenErrorKind},
    identity::UserAssignedId,
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Client, endpoint, retry},
    },
    token::AccessToken,
};

pub(super) const NAME: &str = "IMDS";
const DEFAULT_BASE: &str = "http://169.254.169.254";
const BASE_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
const PATH: &str = "metadata/identity/oauth2/token";

/// The first version with this path; later ones answer the same.
const API_VERSION: &str = "2018-02-01";

const SELECTORS: Selectors =
    Selectors { client_id: "client_id", object_id: "object_id", resource_id: "msi_res_id" };

/// The Instance Metadata Service: managed identities of virtual machines, scale sets, AKS nodes,
/// Azure Container Instances on Linux and Azure Spring Apps.
///
/// Requests go straight to `169.254.169.254` over plain HTTP: proxies are ignored, no redirect is
/// followed, and no certificate authorities are needed. The protocol:
/// [documentation](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
///
/// A token of another identity than the one that was asked for is refused.
///
/// One fetch retries as that page says: for 23 s on throttling and server errors, for 70 s while IMDS
/// is being updated (status 410); and for 7 s if it knows no such identity, since that may have been assigned a
/// moment ago. Where there is no IMDS it gives up after 7 to 15 s; on a machine that is
/// certainly not Azure's after 1 to 5 s, and for good.
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
    /// Whether it is known that there is one.
    is_expected: bool,
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
        match value_of(environment, BASE_VARIABLE)? {
            Some(url) => Self::new().with_base_url(&url).map_err(|e| e.in_variable(BASE_VARIABLE)),
            None => Ok(Self::new()),
        }
    }

    fn at(base: &Url) -> Self {
        let endpoint = endpoint::join(base, PATH);
        Self { endpoint, identity: None, client: Client::Plain, is_expected: false }
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
        self.is_expected = true;
        Ok(self)
    }

    /// It was asked for by name, so that it is asked with all retries wherever this machine is.
    #[must_use]
    pub(in crate::source) fn expected(mut self) -> Self {
        self.is_expected = true;
        self
    }

    /// Whether nobody has said that there is one, and there can't be.
    fn is_absent(&self) -> bool {
        !self.is_expected && machine::is_elsewhere()
    }

    #[cfg(test)]
    pub(in crate::source) fn with_client(self, client: Client) -> Self {
        Self { client, ..self.expected() }
    }

    fn explain_absence(&self, error: TokenError) -> TokenError {
        if error.kind() != TokenErrorKind::Unreachable {
            return error;
        }
        let address = self.endpoint.authority();
        let hint = if DEFAULT_BASE.ends_with(address) {
            format!("{ELSEWHERE}; nobody answers at {address}")
        } else {
            format!(
                "nobody answers at {address}, where {BASE_VARIABLE} or the code moves IMDS: correct or unset it"
            )
        };
        error.with_hint(hint)
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let identity = self.identity.as_ref().map(|identity| (&SELECTORS, identity));
        let mut request = super::request(NAME, &self.endpoint, API_VERSION, scope, identity)?;
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        let answer =
            super::attempt(NAME, &self.client, request, self.identity.as_ref(), &[], kind).await;
        answer.map_err(|error| self.explain_absence(error))
    }
}

impl Default for Imds {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenSource for Imds {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        if self.is_absent() {
            let attempt = retry::run(NAME, retry::imds_elsewhere, move || self.attempt(scope));
            return Box::pin(async move { attempt.await.map_err(without_hope) });
        }
        Box::pin(retry::run(NAME, retry::imds, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

/// 404 and 410 mean that IMDS is being updated.
pub(super) fn kind(status: u16) -> TokenErrorKind {
    if matches!(status, 404 | 410) { TokenErrorKind::Unavailable } else { kind_of(status) }
}

/// Where there is no IMDS, waiting for it doesn't help.
fn without_hope(error: TokenError) -> TokenError {
    if error.kind() != TokenErrorKind::Unreachable {
        return error;
    }
    let problem = "no connection, and this machine is not one of Azure's";
    TokenError::new(TokenErrorKind::Configuration, NAME, problem)
        .with_hint(ELSEWHERE)
        .with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_imds_the_error_is_final_and_names_the_switch_for_developers() {
        let unreachable = TokenError::new(TokenErrorKind::Unreachable, NAME, "no connection");
        let error = without_hope(unreachable);
        assert!(!error.is_transient());
        assert!(error.to_string().contains("AZURE_TOKEN_CREDENTIALS=dev"), "{error}");
        // Whatever answers is an IMDS.
        let kinds =
            [TokenErrorKind::Throttled, TokenErrorKind::Unavailable, TokenErrorKind::Timeout];
        for kind in kinds {
            assert_eq!(without_hope(TokenError::new(kind, NAME, "x")).kind(), kind);
        }
    }

    #[test]
    fn an_imds_that_was_named_is_never_taken_for_absent() {
        assert!(!Imds::new().expected().is_absent());
        assert!(!Imds::new().with_base_url("http://127.0.0.1:1").unwrap().is_absent());
    }
}
