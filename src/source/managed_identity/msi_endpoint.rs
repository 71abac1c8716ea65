use reqwest::Url;

use super::{Selectors, secret_header::SecretHeader};
use crate::{
    config::value_of,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, TokenError},
    identity::UserAssignedId,
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Client, retry},
    },
    token::AccessToken,
};

pub(super) const NAME: &str = "MSI endpoint";
const ENDPOINT_VARIABLE: &str = "MSI_ENDPOINT";
const SECRET_VARIABLE: &str = "MSI_SECRET";
const DEFAULT_ID_VARIABLE: &str = "DEFAULT_IDENTITY_CLIENT_ID";
const ABSENT: &str = "leave MSI_ENDPOINT and MSI_SECRET as the platform sets them, or unset both if this is another host";

const API_VERSION: &str = "2017-09-01";

/// This version knows client ids alone; `from_environment` sees to it that there is no other.
const SELECTORS: Selectors =
    Selectors { client_id: "clientid", object_id: "clientid", resource_id: "clientid" };

/// The older endpoint of Azure Machine Learning, and of App Service before 2019.
///
/// Both have `MSI_ENDPOINT` and `MSI_SECRET`. Azure Machine Learning names the identity of a compute cluster in
/// `DEFAULT_IDENTITY_CLIENT_ID`. The protocol: documented for
/// [App Service](https://learn.microsoft.com/azure/app-service/overview-managed-identity), and for Azure Machine
/// Learning as [MSAL](https://github.com/AzureAD/microsoft-authentication-library-for-go/blob/main/apps/managedidentity/azure_ml.go)
/// has it.
///
/// A token of another identity than the one that was asked for is refused. Requests go straight to the endpoint over
/// plain HTTP. One fetch retries three times within 7 s, on throttling, server errors and lost connections.
#[derive(Clone, Debug)]
pub struct MsiEndpoint {
    endpoint: Url,
    header: SecretHeader,
    identity: Option<UserAssignedId>,
}

impl MsiEndpoint {
    /// The identity with this client id, or else the default one, at `MSI_ENDPOINT`. `MSI_SECRET` is read anew
    /// for each request.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a variable is missing, if the endpoint is not a plain HTTP URL, and for another id
    /// than a client id.
    pub fn from_environment(
        environment: &Environment,
        identity: Option<&UserAssignedId>,
    ) -> Result<Self, ConfigError> {
        let variables = [ENDPOINT_VARIABLE, SECRET_VARIABLE];
        let (endpoint, header) = SecretHeader::with_endpoint(environment, variables, missing)?;
        let identity = match identity {
            Some(UserAssignedId::ClientId(_)) => identity.cloned(),
            Some(_) => return Err(not_a_client_id()),
            None => value_of(environment, DEFAULT_ID_VARIABLE)?
                .map(|id| UserAssignedId::ClientId(id.trim().to_owned())),
        };
        Ok(Self { endpoint, header, identity })
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let (secret, header) = self.header.value(NAME)?;
        let identity = self.identity.as_ref().map(|identity| (&SELECTORS, identity));
        let mut request = super::request(NAME, &self.endpoint, API_VERSION, scope, identity)?;
        request.headers_mut().insert("secret", header);
        let (secrets, identity) = ([secret.expose()], self.identity.as_ref());
        let answer =
            super::attempt(NAME, &Client::Plain, request, identity, &secrets, kind_of).await;
        answer.map_err(|error| super::with_advice_on_absence(error, &self.endpoint, ABSENT))
    }
}

impl TokenSource for MsiEndpoint {
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
        "the managed-identity endpoint needs this variable",
        "leave MSI_ENDPOINT and MSI_SECRET as the platform sets them",
    )
    .in_variable(variable)
}

fn not_a_client_id() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "the managed-identity endpoint at MSI_ENDPOINT knows client ids alone",
        "name the identity by its client id (AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or Spring's client-id)",
    )
}
