//! The token endpoint of Microsoft Entra ID, for client credentials
//! ([documentation](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).

use serde_json::json;

use super::{
    authority::{AssertionFault, Authority},
    entra_error::EntraError,
    message::{Fields, Reply, Request},
};
use crate::emulator::{
    Login,
    facts::is_resource,
    principals::{TENANT_DOMAIN, TENANT_ID},
};

const PATH_END: &str = "/oauth2/v2.0/token";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The tenant that a path names, if it is the path of a token endpoint.
pub(crate) fn tenant_of(path: &str) -> Option<&str> {
    let tenant = path.strip_prefix('/')?.strip_suffix(PATH_END)?;
    (!tenant.is_empty() && !tenant.contains('/')).then_some(tenant)
}

/// The answer, where a Kubernetes token has to be for this audience.
pub(crate) fn answer(authority: &Authority, request: &Request, audience: &str) -> Reply {
    let (login, resource) = match grant(authority, request, audience) {
        Ok(granted) => granted,
        Err(refusal) => return refusal.reply(),
    };
    let issued = authority.issue(login, &resource);
    // Numbers are integers here.
    let body = json!({
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "ext_expires_in": issued.expires_in,
        "access_token": issued.token,
    });
    Reply::json(200, &body)
}

/// Who asks, and for what resource.
fn grant(
    authority: &Authority,
    request: &Request,
    audience: &str,
) -> Result<(Login, String), EntraError> {
    check_envelope(request)?;
    let form = Fields::parse(&String::from_utf8_lossy(&request.body));
    if required(&form, "grant_type")? != "client_credentials" {
        return Err(EntraError::UnsupportedGrantType);
    }
    let login = application(required(&form, "client_id")?)?;
    let resource = resource(required(&form, "scope")?)?;
    check_credential(authority, &form, login, audience)?;
    Ok((login, resource))
}

fn check_envelope(request: &Request) -> Result<(), EntraError> {
    if request.method != "POST" || !request.is_form() {
        return Err(EntraError::NotAForm);
    }
    let tenant = tenant_of(&request.path).unwrap_or_default();
    if !tenant.eq_ignore_ascii_case(TENANT_ID) && !tenant.eq_ignore_ascii_case(TENANT_DOMAIN) {
        return Err(EntraError::UnknownTenant(tenant.to_owned()));
    }
    Ok(())
}

fn required<'a>(form: &'a Fields, name: &'static str) -> Result<&'a str, EntraError> {
    form.get(name).ok_or(EntraError::MissingField(name))
}

fn application(client_id: &str) -> Result<Login, EntraError> {
    [Login::ServicePrincipal, Login::WorkloadIdentity, Login::Administrator]
        .into_iter()
        .find(|login| login.client_id().is_some_and(|known| known.eq_ignore_ascii_case(client_id)))
        .ok_or_else(|| EntraError::UnknownApplication(client_id.to_owned()))
}

/// The one resource of a scope.
fn resource(scope: &str) -> Result<String, EntraError> {
    let resource = scope.strip_suffix("/.default").filter(|resource| !resource.contains(' '));
    let resource = resource.ok_or_else(|| EntraError::InvalidScope(scope.to_owned()))?;
    if !is_resource(resource) {
        return Err(EntraError::UnknownResource(resource.to_owned()));
    }
    Ok(resource.to_owned())
}

fn check_credential(
    authority: &Authority,
    form: &Fields,
    login: Login,
    audience: &str,
) -> Result<(), EntraError> {
    let is_assertion = form.get("client_assertion_type") == Some(JWT_BEARER);
    match (form.get("client_secret"), form.get("client_assertion")) {
        (None, Some(assertion)) if is_assertion => {
            check_assertion(authority, login, assertion, audience)
        }
        (Some(secret), None) => check_secret(authority, login, secret),
        _ => Err(EntraError::NoCredential),
    }
}

fn check_secret(authority: &Authority, login: Login, secret: &str) -> Result<(), EntraError> {
    if login.has_client_secret() && secret == authority.client_secret(login) {
        return Ok(());
    }
    Err(EntraError::WrongSecret(login.client_id().unwrap_or_default()))
}

fn check_assertion(
    authority: &Authority,
    login: Login,
    assertion: &str,
    audience: &str,
) -> Result<(), EntraError> {
    if login != Login::WorkloadIdentity {
        return Err(EntraError::NotFederated);
    }
    authority.check_assertion(assertion, audience).map_err(|fault| match fault {
        AssertionFault::Unknown => EntraError::NotFederated,
        AssertionFault::OtherSubject => EntraError::OtherSubject,
        AssertionFault::Expired => EntraError::AssertionExpired,
    })
}
