use super::{CLIENT_ID, TokenEndpoint, empty};
use crate::{
    cloud::Cloud,
    environment::Environment,
    error::{ConfigError, TokenError},
    secret::Secret,
    source::{TokenFuture, TokenSource, http::retry},
    token::AccessToken,
};

const NAME: &str = "client secret";

/// A service principal: an application registration that proves itself with a client secret.
///
/// The request goes to Microsoft Entra ID over verified TLS; the usual proxy variables are honoured,
/// redirects are not followed. The protocol:
/// [documentation](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
///
/// One fetch retries three times within 7 s, on throttling, passing errors and lost connections.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    endpoint: TokenEndpoint,
    client_id: String,
    secret: Secret,
}

impl ClientSecret {
    /// A service principal of a tenant (a GUID or a domain name) in the public cloud.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the tenant can't be one, or the client id or the secret is empty.
    pub fn new(
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Result<Self, ConfigError> {
        let (client_id, secret) = (client_id.into(), client_secret.into());
        if client_id.is_empty() {
            return Err(empty("client id", CLIENT_ID));
        }
        if secret.is_empty() {
            return Err(empty("client secret", CLIENT_SECRET));
        }
        Ok(Self { endpoint: TokenEndpoint::new(tenant_id.into())?, client_id, secret })
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

    /// Uses the authority of this cloud, or `AZURE_AUTHORITY_HOST` if it is set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the variable is not an `https` URL, nor `http` with a loopback address.
    pub fn in_environment(
        mut self,
        cloud: Cloud,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        self.endpoint = self.endpoint.in_environment(cloud, environment)?;
        Ok(self)
    }

    #[cfg(test)]
    pub(in crate::source) fn with_client(mut self, client: crate::source::http::Client) -> Self {
        self.endpoint = self.endpoint.with_client(client);
        self
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let secret = self.secret.expose();
        let form = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", secret),
            ("grant_type", "client_credentials"),
            ("scope", &super::default_scope(scope)),
        ];
        self.endpoint.exchange(NAME, &form, &[secret]).await
    }
}

impl TokenSource for ClientSecret {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(retry::run(NAME, retry::entra, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

const CLIENT_SECRET: &str =
    "AZURE_POSTGRESQL_CLIENTSECRET, AZURE_CLIENT_SECRET or Spring's client-secret";
