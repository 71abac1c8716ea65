use reqwest::Url;

use super::secret_header::SecretHeader;
use crate::{
    cloud::resource_of,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, TokenError},
    identity::UserAssignedId,
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Client, Request, get, retry},
    },
    token::AccessToken,
};

pub(super) const NAME: &str = "Container Instances";
const ENDPOINT_VARIABLE: &str = "IDENTITY_ENDPOINT";
const HEADER_VARIABLE: &str = "IDENTITY_HEADER";

const ABSENT: &str = "a Windows container in a virtual network can't reach it and needs a service principal \
     (AZURE_POSTGRESQL_TENANTID, AZURE_POSTGRESQL_CLIENTID, AZURE_POSTGRESQL_CLIENTSECRET); elsewhere leave \
     IDENTITY_ENDPOINT as the platform sets it";

/// The identity endpoint of Azure Container Instances on Windows, where IMDS can't be reached.
///
/// Its variables have the names of App Service's, and its protocol is another: the endpoint states its version
/// itself (by which [`detect`](crate::source::detect) knows it), and a user-assigned identity is named by its object
/// id alone. The protocol:
/// [documentation](https://learn.microsoft.com/azure/container-instances/container-instances-managed-identity#managed-identity-on-windows-containers).
///
/// Requests go straight to the endpoint over plain HTTP. A token of another identity than the one that was asked for
/// is refused. One fetch retries three times within 7 s, on throttling, server errors and lost connections.
#[derive(Clone, Debug)]
pub struct ContainerInstances {
    endpoint: Url,
    header: SecretHeader,
    identity: Option<UserAssignedId>,
}

impl ContainerInstances {
    /// The system-assigned identity at `IDENTITY_ENDPOINT`. `IDENTITY_HEADER` is read anew for each request.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if either variable is missing or the endpoint is not a plain HTTP URL.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let variables = [ENDPOINT_VARIABLE, HEADER_VARIABLE];
        let (endpoint, header) = SecretHeader::with_endpoint(environment, variables, missing)?;
        Ok(Self { endpoint, header, identity: None })
    }

    /// Asks for the user-assigned identity with this object (principal) id.
    #[must_use]
    pub fn with_object_id(mut self, object_id: impl Into<String>) -> Self {
        self.identity = Some(UserAssignedId::ObjectId(object_id.into()));
        self
    }

    /// The same for an identity as the settings name it.
    pub(in crate::source) fn with_identity(
        self,
        identity: Option<&UserAssignedId>,
    ) -> Result<Self, ConfigError> {
        match identity {
            None => Ok(self),
            Some(UserAssignedId::ObjectId(id)) => Ok(self.with_object_id(id)),
            Some(_) => Err(not_an_object_id()),
        }
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let (secret, header) = self.header.value(NAME)?;
        let mut request = self.request(scope)?;
        request.headers_mut().insert("secret", header);
        let (secrets, identity) = ([secret.expose()], self.identity.as_ref());
        let answer =
            super::attempt(NAME, &Client::Plain, request, identity, &secrets, kind_of).await;
        answer.map_err(|error| super::with_advice_on_absence(error, &self.endpoint, ABSENT))
    }

    fn request(&self, scope: &str) -> Result<Request, TokenError> {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().append_pair("resource", resource_of(scope));
        if let Some(UserAssignedId::ObjectId(id)) = &self.identity {
            url.query_pairs_mut().append_pair("principalId", id);
        }
        get(NAME, &url)
    }
}

impl TokenSource for ContainerInstances {
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
        "the identity endpoint of Container Instances needs this variable",
        "leave IDENTITY_ENDPOINT and IDENTITY_HEADER as the platform sets them",
    )
    .in_variable(variable)
}

fn not_an_object_id() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "this is Container Instances on Windows, whose identity endpoint knows user-assigned identities by object \
         id alone",
        "give ConnectorBuilder::token_source a source::ContainerInstances with_object_id, the identity's principal \
         id; or leave the client id out to log in as the system-assigned one",
    )
    .in_variable(ENDPOINT_VARIABLE)
}
