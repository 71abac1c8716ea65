use hyper::header::HeaderValue;
use reqwest::Url;

use super::Selectors;
use crate::{
    config::value_of,
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

const SELECTORS: Selectors =
    Selectors { client_id: "client_id", object_id: "principal_id", resource_id: "mi_res_id" };

/// The identity endpoint of App Service, Azure Functions and Container Apps.
///
/// Requests go straight to the endpoint over plain HTTP: proxies are ignored, no redirect is
/// followed, and no certificate authorities are needed. The protocol:
/// [documentation](https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).
///
/// One fetch retries three times within 7 s, on throttling, server errors and lost connections.
#[derive(Clone, Debug)]
pub struct AppService {
    endpoint: Url,
    header: Header,
    identity: Option<UserAssignedId>,
    client: Client,
}

#[derive(Clone, Debug)]
enum Header {
    Fixed(Secret),
    Environment(Environment),
}

impl AppService {
    /// The system-assigned identity at a known endpoint, with a header value that never changes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the endpoint is not a plain HTTP URL.
    pub fn new(endpoint: &str, header: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::at(endpoint, Header::Fixed(header.into()))
    }

    /// The system-assigned identity at `IDENTITY_ENDPOINT`.
    ///
    /// `IDENTITY_HEADER` is read anew for each request, because the platform rotates it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if either variable is missing or the endpoint is not a plain HTTP URL.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let endpoint =
            value_of(environment, ENDPOINT_VARIABLE)?.ok_or_else(|| missing(ENDPOINT_VARIABLE))?;
        if value_of(environment, HEADER_VARIABLE)?.is_none() {
            return Err(missing(HEADER_VARIABLE));
        }
        Self::at(&endpoint, Header::Environment(environment.clone()))
            .map_err(|error| error.in_variable(ENDPOINT_VARIABLE))
    }

    fn at(endpoint: &str, header: Header) -> Result<Self, ConfigError> {
        Ok(Self {
            endpoint: endpoint::local(endpoint)?,
            header,
            identity: None,
            client: Client::Plain,
        })
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
        let (header, header_value) = self.header.value()?;
        let identity = self.identity.as_ref().map(|identity| (&SELECTORS, identity));
        let mut request = super::request(NAME, &self.endpoint, API_VERSION, scope, identity)?;
        request.headers_mut().insert("x-identity-header", header_value);
        // Azure Automation, which speaks the same protocol, insists on it.
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        super::attempt(NAME, &self.client, request, &[header.expose()], |answer| {
            super::refused(NAME, answer, &[header.expose()], kind(answer.status))
        })
        .await
        .map_err(|error| self.explain_absence(error))
    }

    fn explain_absence(&self, error: TokenError) -> TokenError {
        if error.kind() != TokenErrorKind::Unreachable {
            return error;
        }
        error.with_hint(format!(
            "nobody answers at {}: leave IDENTITY_ENDPOINT as the platform sets it, and \
             WEBSITE_DISABLE_MSI unset",
            self.endpoint.authority()
        ))
    }
}

/// While an application starts, its endpoint is not there yet
/// ([the other SDKs](https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/identity/Azure.Identity/src/ManagedIdentityResponseClassifier.cs)
/// ask again as well).
fn kind(status: u16) -> TokenErrorKind {
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

impl Header {
    /// The value as it is, and as it is sent.
    fn value(&self) -> Result<(Secret, HeaderValue), TokenError> {
        let value = match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Environment(environment) => environment.get(HEADER_VARIABLE).map(Secret::new),
        };
        let problem = match value {
            None => "IDENTITY_HEADER is not set any more",
            Some(secret) => match header_value(secret.expose()) {
                Some(value) => return Ok((secret, value)),
                None => "the identity header is empty or holds characters that no header can",
            },
        };
        Err(TokenError::new(TokenErrorKind::Configuration, NAME, problem)
            .with_hint("leave IDENTITY_HEADER as the platform sets it"))
    }
}

fn header_value(text: &str) -> Option<HeaderValue> {
    let is_one =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let mut value = HeaderValue::from_str(text).ok().filter(|_| is_one)?;
    value.set_sensitive(true);
    Some(value)
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
