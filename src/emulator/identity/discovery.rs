//! What Microsoft Entra ID publishes of a tenant, which the Azure SDKs read before they ask for a token
//! ([documentation](https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc)).

use serde_json::json;

use super::{
    authority::Authority,
    entra_error::EntraError,
    message::{Reply, Request},
};
use crate::emulator::principals::{TENANT_DOMAIN, TENANT_ID};

const CONFIGURATION: &str = "/v2.0/.well-known/openid-configuration";
const KEYS: &str = "/discovery/v2.0/keys";

/// Whether this is the path of something published.
pub(crate) fn is_document(path: &str) -> bool {
    document(path).is_some()
}

/// The answer, if something published is asked for. `base_url` is that with TLS: the SDKs take no other.
pub(crate) fn answer(authority: &Authority, base_url: &str, request: &Request) -> Option<Reply> {
    let (tenant, document) = document(&request.path)?;
    if request.method != "GET" {
        return None;
    }
    if !tenant.eq_ignore_ascii_case(TENANT_ID) && !tenant.eq_ignore_ascii_case(TENANT_DOMAIN) {
        return Some(EntraError::UnknownTenant(tenant.to_owned()).reply());
    }
    let base = format!("{base_url}/{TENANT_ID}");
    let body = if document == CONFIGURATION {
        json!({
            "issuer": format!("{base}/v2.0"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "jwks_uri": format!("{base}{KEYS}"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code", "id_token", "code id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    } else {
        json!({ "keys": [authority.mint().public_key()] })
    };
    Some(Reply::json(200, &body))
}

/// The tenant and what is asked for of it.
fn document(path: &str) -> Option<(&str, &'static str)> {
    let path = path.strip_prefix('/')?;
    let of = |document: &'static str| Some((path.strip_suffix(document)?, document));
    let (tenant, document) = of(CONFIGURATION).or_else(|| of(KEYS))?;
    (!tenant.is_empty() && !tenant.contains('/')).then_some((tenant, document))
}
