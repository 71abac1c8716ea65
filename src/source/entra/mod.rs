//! Microsoft Entra ID's token endpoint: the client credentials grant.

mod client_secret;
mod workload_identity;

use std::time::Duration;

pub use client_secret::ClientSecret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
pub use workload_identity::WorkloadIdentity;
use zeroize::Zeroizing;

use super::{
    answer::{
        refusal::{Refusal, kind_of},
        token,
    },
    http::{self, Answer, Client, TokenProxy, endpoint, exchange},
};
use crate::{
    cloud::Cloud,
    config::value_of,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, TokenError, TokenErrorKind},
    identity::is_tenant,
    token::AccessToken,
};

const AUTHORITY_VARIABLE: &str = "AZURE_AUTHORITY_HOST";

/// Half of it may go into the connection. Four attempts of this length and the waits between them
/// fit into the cache's fetch deadline.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

const NOT_ENTRA: &str = "the answer comes from something else, such as a proxy: check the proxy \
                         variables and AZURE_AUTHORITY_HOST";

/// Gateways before Entra answer so when it is overloaded, and proxies when they don't reach it.
const PERHAPS_NOT_ENTRA: &str = "try again later; if this stays, look at what answers, such as a proxy: check the \
                                 proxy variables and AZURE_AUTHORITY_HOST";

/// The token endpoint of one tenant.
#[derive(Clone, Debug)]
struct TokenEndpoint {
    url: Url,
    tenant: String,
    client: Client,
}

impl TokenEndpoint {
    /// The endpoint in the public cloud.
    fn new(tenant: String) -> Result<Self, ConfigError> {
        check_tenant(&tenant)?;
        Self::at(&endpoint::authority(Cloud::Public.authority_host())?, tenant)
    }

    fn at(authority: &Url, tenant: String) -> Result<Self, ConfigError> {
        // The tenant may stand in the authority already, as in the samples of some SDKs.
        let names_tenant = authority.path().trim_matches('/').eq_ignore_ascii_case(&tenant);
        let path = match names_tenant {
            true => "oauth2/v2.0/token".to_owned(),
            false => format!("{tenant}/oauth2/v2.0/token"),
        };
        let url = endpoint::join(authority, &path);
        let client = Client::to(&url);
        Ok(Self { url, tenant, client })
    }

    /// The same tenant at another base URL.
    fn with_authority_host(self, url: &str) -> Result<Self, ConfigError> {
        Self::at(&endpoint::authority(url)?, self.tenant)
    }

    /// The same tenant in the cloud, or where `AZURE_AUTHORITY_HOST` says.
    fn in_environment(self, cloud: Cloud, environment: &Environment) -> Result<Self, ConfigError> {
        match value_of(environment, AUTHORITY_VARIABLE)? {
            Some(url) => {
                self.with_authority_host(&url).map_err(|e| e.in_variable(AUTHORITY_VARIABLE))
            }
            None => self.with_authority_host(cloud.authority_host()),
        }
    }

    /// The same through the token proxy of a cluster.
    fn through(self, proxy: TokenProxy) -> Self {
        Self { url: proxy.address_of(&self.url), client: Client::TokenProxy(proxy), ..self }
    }

    #[cfg(test)]
    fn with_client(self, client: Client) -> Self {
        Self { client, ..self }
    }

    fn explain_absence(&self, error: TokenError) -> TokenError {
        if error.kind() != TokenErrorKind::Unreachable || error.has_hint() {
            return error;
        }
        let address = self.url.authority();
        error.with_hint(match self.client {
            Client::TokenProxy(_) => TokenProxy::advice_on_absence(address),
            _ => format!(
                "check DNS, the firewall and the proxy variables on the way to {address}; if that is not the \
                 right address, {AUTHORITY_VARIABLE} moves it"
            ),
        })
    }

    /// One attempt to exchange a proof of identity, the `secrets` in the form, for a token.
    async fn exchange(
        &self,
        source: &'static str,
        form: &[(&str, &str)],
        secrets: &[&str],
    ) -> Result<AccessToken, TokenError> {
        let request = http::post(source, &self.url, encode(form))?;
        let answer = exchange(source, &self.client, request, ATTEMPT_TIMEOUT)
            .await
            .map_err(|error| self.explain_absence(error))?;
        if answer.is_success() {
            token::read(source, &answer, secrets)
        } else {
            Err(refused(source, &answer, secrets))
        }
    }
}

fn refused(source: &'static str, answer: &Answer, secrets: &[&str]) -> TokenError {
    let refusal = Refusal::read(&answer.body, secrets);
    let (is_json, is_silent) = (refusal.is_json, refusal.text.is_empty());
    let error = refusal.into_error(source, answer, kind_of(answer.status));
    match error.is_transient() {
        _ if is_json || error.has_hint() => error,
        true if is_silent => error,
        true => error.with_hint(PERHAPS_NOT_ENTRA),
        // It says in JSON why it refuses.
        false => error.with_hint(NOT_ENTRA),
    }
}

/// The scope as Microsoft Entra ID wants it of an application: with `/.default`, or else it answers
/// AADSTS1002012. Managed-identity endpoints take both forms.
fn default_scope(scope: &str) -> String {
    if scope.ends_with("/.default") { scope.to_owned() } else { format!("{scope}/.default") }
}

/// The form as it is sent. It holds a secret, and is wiped when the request is dropped; space for all
/// of it is there from the beginning, since growing would leave copies behind.
fn encode(form: &[(&str, &str)]) -> Zeroizing<String> {
    let longest = form.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut text = Zeroizing::new(String::with_capacity(longest));
    for (name, value) in form {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    text
}

const CLIENT_ID: &str = "AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or Spring's client-id";

/// Something of the application is missing, which these variables give.
fn empty(what: &str, variables: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        format!("the {what} of the application is empty"),
        format!("set the {what} ({variables})"),
    )
}

fn check_tenant(tenant: &str) -> Result<(), ConfigError> {
    if is_tenant(tenant) {
        return Ok(());
    }
    Err(ConfigError::malformed(
        "the tenant is neither a GUID nor a domain name",
        "set the tenant id (AZURE_POSTGRESQL_TENANTID, AZURE_TENANT_ID or Spring's tenant-id) to the \
         directory's GUID",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_can_not_change_the_path() {
        for tenant in ["contoso.onmicrosoft.com", "11111111-2222-3333-4444-555555555555"] {
            assert!(TokenEndpoint::new(tenant.into()).is_ok(), "{tenant}");
        }
        for tenant in ["", "..", "a/b", "a?b", "a%2fb", "a b", "a@b"] {
            let error = TokenEndpoint::new(tenant.into()).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Malformed, "{tenant}");
        }
    }

    #[test]
    fn the_authority_is_that_of_the_cloud_unless_the_variable_moves_it() {
        let url = |cloud, environment: &Environment| {
            let endpoint = TokenEndpoint::new("t".into()).unwrap();
            endpoint.in_environment(cloud, environment).unwrap().url.to_string()
        };
        let none = Environment::from_vars::<_, String, String>([]);
        let aks = Environment::from_vars([(AUTHORITY_VARIABLE, "https://login.example/x/")]);
        assert_eq!(url(Cloud::China, &none), "https://login.chinacloudapi.cn/t/oauth2/v2.0/token");
        assert_eq!(url(Cloud::China, &aks), "https://login.example/x/t/oauth2/v2.0/token");
        let with_tenant =
            Environment::from_vars([(AUTHORITY_VARIABLE, "https://login.example/T/")]);
        assert_eq!(url(Cloud::China, &with_tenant), "https://login.example/T/oauth2/v2.0/token");
    }

    #[test]
    fn a_tenant_in_the_authority_is_not_doubled() {
        for authority in
            ["https://login.example/T", "https://login.example/t/", "https://login.example"]
        {
            let endpoint = TokenEndpoint::new("t".into()).unwrap();
            let url = endpoint.with_authority_host(authority).unwrap().url.to_string();
            assert_eq!(url.to_lowercase(), "https://login.example/t/oauth2/v2.0/token");
        }
    }

    #[test]
    fn a_scope_gets_its_default_suffix_once() {
        for (scope, expected) in [
            ("https://db.example", "https://db.example/.default"),
            ("https://db.example/.default", "https://db.example/.default"),
            ("https://db.example/", "https://db.example//.default"),
            ("api://a-1", "api://a-1/.default"),
        ] {
            assert_eq!(default_scope(scope), expected);
        }
    }

    #[test]
    fn form_values_are_encoded() {
        let form = encode(&[("a", "b c&d=e+f"), ("g", "é")]);
        assert_eq!(*form, "a=b%20c%26d%3De%2Bf&g=%C3%A9");
    }
}
