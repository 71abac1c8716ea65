use hyper::header::HeaderValue;
use reqwest::Url;
use zeroize::Zeroizing;

use crate::{
    cloud::resource_of,
    config::value_of,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, TokenError},
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Client, endpoint, post, retry},
    },
    token::AccessToken,
};

pub(super) const NAME: &str = "Cloud Shell";
const ENDPOINT_VARIABLE: &str = "MSI_ENDPOINT";

const ABSENT: &str = "unset MSI_ENDPOINT, which only Cloud Shell has, if this is another host";

/// The person who is signed in to Azure Cloud Shell: the role to log in as is theirs.
///
/// The protocol as
/// [MSAL](https://github.com/AzureAD/microsoft-authentication-library-for-go/blob/main/apps/managedidentity/cloud_shell.go)
/// has it. Requests go straight to `MSI_ENDPOINT` over plain HTTP. One fetch retries three times within 7 s, on
/// throttling, server errors and lost connections.
#[derive(Clone, Debug)]
pub struct CloudShell {
    endpoint: Url,
}

impl CloudShell {
    /// The endpoint at `MSI_ENDPOINT`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if that variable is missing or not a plain HTTP URL.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let endpoint = value_of(environment, ENDPOINT_VARIABLE)?.ok_or_else(missing)?;
        let endpoint = endpoint::local(&endpoint);
        Ok(Self { endpoint: endpoint.map_err(|error| error.in_variable(ENDPOINT_VARIABLE))? })
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let mut form = Url::clone(&self.endpoint);
        form.query_pairs_mut().clear().append_pair("resource", resource_of(scope));
        let form = Zeroizing::new(form.query().unwrap_or_default().to_owned());
        let mut request = post(NAME, &self.endpoint, form)?;
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        let answer = super::attempt(NAME, &Client::Plain, request, None, &[], kind_of).await;
        answer.map_err(|error| super::with_advice_on_absence(error, &self.endpoint, ABSENT))
    }
}

impl TokenSource for CloudShell {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(retry::run(NAME, retry::app_service, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

fn missing() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "the identity endpoint of Cloud Shell needs this variable",
        "leave MSI_ENDPOINT as Cloud Shell sets it",
    )
    .in_variable(ENDPOINT_VARIABLE)
}
