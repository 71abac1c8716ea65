use hyper::header::HeaderValue;
use reqwest::Url;

use super::{Selectors, secret_header::SecretHeader};
use crate::{
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, TokenError, TokenErrorKind},
    identity::UserAssignedId,
    secret::Secret,
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Client, endpoint, retry},
    },
    token::AccessToken,
};

pub(super) const NAME: &str = "App Service";
const ENDPOINT_VARIABLE: &str = "IDENTITY_ENDPOINT";
const HEADER_VARIABLE: &str = "IDENTITY_HEADER";
const API_VERSION: &str = "2019-08-01";

const ABSENT: &str = "leave IDENTITY_ENDPOINT as the platform sets it, and WEBSITE_DISABLE_MSI unset; unset \
                      IDENTITY_ENDPOINT and IDENTITY_HEADER if this is another host";

const SELECTORS: Selectors =
    Selectors { client_id: "client_id", object_id: "principal_id", resource_id: "mi_res_id" };

/// The identity endpoint of App Service, Azure Functions and Container Apps.
///
/// Requests go straight to the endpoint over plain HTTP: proxies are ignored, no redirect is
/// followed, and no certificate authorities are needed. The protocol:
/// [documentation](https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).
///
/// A token of another identity than the one that was asked for is refused. One fetch retries three times within 7 s, on
/// throttling, server errors and lost connections, and while the endpoint knows no such identity, since that may have
/// been assigned a moment ago.
#[derive(Clone, Debug)]
pub struct AppService {
    endpoint: Url,
    header: SecretHeader,
    identity: Option<UserAssignedId>,
    client: Client,
}

impl AppService {
    /// The system-assigned identity at a known endpoint, with a header value that never changes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the endpoint is not a plain HTTP URL.
    pub fn new(endpoint: &str, header: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::at(endpoint::local(endpoint)?, SecretHeader::Fixed(header.into())))
    }

    /// The system-assigned identity at `IDENTITY_ENDPOINT`.
    ///
    /// `IDENTITY_HEADER` is read anew for each request, because the platform rotates it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if either variable is missing or the endpoint is not a plain HTTP URL.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let variables = [ENDPOINT_VARIABLE, HEADER_VARIABLE];
        let (endpoint, header) = SecretHeader::with_endpoint(environment, variables, missing)?;
        Ok(Self::at(endpoint, header))
    }

    fn at(endpoint: Url, header: SecretHeader) -> Self {
        Self { endpoint, header, identity: None, client: Client::Plain }
    }

    /// Asks for this user-assigned identity.
    #[must_use]
    pub fn with_identity(mut self, identity: UserAssignedId) -> Self {
        self.identity = Some(identity);
        self
    }

    #[cfg(test)]
    pub(in crate::source) fn with_client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let (secret, header) = self.header.value(NAME)?;
        let identity = self.identity.as_ref().map(|identity| (&SELECTORS, identity));
        let mut request = super::request(NAME, &self.endpoint, API_VERSION, scope, identity)?;
        request.headers_mut().insert("x-identity-header", header);
        // Azure Automation, which speaks the same protocol, insists on it.
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        let (secrets, identity) = ([secret.expose()], self.identity.as_ref());
        let answer = super::attempt(NAME, &self.client, request, identity, &secrets, kind).await;
        answer.map_err(|error| super::with_advice_on_absence(error, &self.endpoint, ABSENT))
    }
}

/// While an application starts, its endpoint is not there yet
/// ([the other SDKs](https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/identity/Azure.Identity/src/ManagedIdentityResponseClassifier.cs)
/// ask again as well).
pub(super) fn kind(status: u16) -> TokenErrorKind {
    if status == 404 { TokenErrorKind::Unavailable } else { kind_of(status) }
}

impl TokenSource for AppService {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(retry::run(NAME, retry::app_service, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

fn missing(variable: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "the App Service identity endpoint needs this variable",
        "assign a managed identity to the app, and leave IDENTITY_ENDPOINT and IDENTITY_HEADER as the \
         platform sets them",
    )
    .in_variable(variable)
}
