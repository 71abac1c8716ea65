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
    principals::{SERVICE_ACCOUNT, TENANT_DOMAIN, TENANT_ID},
};

const PATH_END: &str = "/oauth2/v2.0/token";
const FORM: &str = "application/x-www-form-urlencoded";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The tenant that a path names, if it is the path of a token endpoint.
pub(crate) fn tenant_of(path: &str) -> Option<&str> {
    let tenant = path.strip_prefix('/')?.strip_suffix(PATH_END)?;
    (!tenant.is_empty() && !tenant.contains('/')).then_some(tenant)
}

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    match grant(authority, request) {
        Ok((login, resource)) => {
            let issued = authority.issue(login, &resource);
            // Numbers are integers here.
            Reply::json(
                200,
                &json!({
                    "token_type": "Bearer",
                    "expires_in": issued.expires_in,
                    "ext_expires_in": issued.expires_in,
                    "access_token": issued.token,
                }),
            )
        }
        Err(refusal) => refusal.reply(),
    }
}

/// Who asks, and for what resource.
fn grant(authority: &Authority, request: &Request) -> Result<(Login, String), EntraError> {
    check_envelope(request)?;
    let form = Fields::parse(&String::from_utf8_lossy(&request.body));
    if required(&form, "grant_type")? != "client_credentials" {
        return Err(EntraError::new(
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type. Only client_credentials is offered here.",
        ));
    }
    let login = application(required(&form, "client_id")?)?;
    let resource = resource(required(&form, "scope")?)?;
    check_credential(authority, &form, login)?;
    Ok((login, resource))
}

fn check_envelope(request: &Request) -> Result<(), EntraError> {
    let tenant = tenant_of(&request.path).unwrap_or_default();
    let is_form = request.header("content-type").is_some_and(|value| {
        value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(FORM))
    });
    if request.method != "POST" || !is_form {
        return Err(EntraError::new(
            400,
            "invalid_request",
            900_561,
            "The endpoint only accepts POST requests of the type application/x-www-form-urlencoded.",
        ));
    }
    if !tenant.eq_ignore_ascii_case(TENANT_ID) && !tenant.eq_ignore_ascii_case(TENANT_DOMAIN) {
        return Err(EntraError::new(
            400,
            "invalid_request",
            90_002,
            &format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are \
             signing into the correct cloud."
            ),
        ));
    }
    Ok(())
}

fn required<'a>(form: &'a Fields, name: &str) -> Result<&'a str, EntraError> {
    form.get(name).ok_or_else(|| {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        EntraError::new(400, "invalid_request", 900_144, &text)
    })
}

fn application(client_id: &str) -> Result<Login, EntraError> {
    [Login::ServicePrincipal, Login::WorkloadIdentity]
        .into_iter()
        .find(|login| login.client_id().is_some_and(|known| known.eq_ignore_ascii_case(client_id)))
        .ok_or_else(|| EntraError::new(400, "unauthorized_client", 700_016, &format!(
            "Application with identifier '{client_id}' was not found in the directory 'Contoso'. This \
             can happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant. You may have sent your authentication request \
             to the wrong tenant."
        )))
}

/// The one resource of a scope.
fn resource(scope: &str) -> Result<String, EntraError> {
    let Some(resource) = scope.strip_suffix("/.default").filter(|resource| !resource.contains(' '))
    else {
        return Err(EntraError::new(
            400,
            "invalid_scope",
            70_011,
            &format!(
                "The provided request must include a 'scope' input parameter. The provided value for the \
             input parameter 'scope' is not valid. The scope {scope} is not valid."
            ),
        ));
    };
    if !Authority::knows(resource) {
        return Err(EntraError::new(
            400,
            "invalid_resource",
            500_011,
            &format!(
                "The resource principal named {resource} was not found in the tenant named Contoso. This \
             can happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant."
            ),
        ));
    }
    Ok(resource.to_owned())
}

fn check_credential(authority: &Authority, form: &Fields, login: Login) -> Result<(), EntraError> {
    let is_assertion = form.get("client_assertion_type") == Some(JWT_BEARER);
    match (form.get("client_secret"), form.get("client_assertion")) {
        (None, Some(assertion)) if is_assertion => check_assertion(authority, login, assertion),
        (Some(secret), None) => check_secret(authority, login, secret),
        _ => Err(EntraError::new(
            401,
            "invalid_client",
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or \
             'client_secret'.",
        )),
    }
}

fn check_secret(authority: &Authority, login: Login, secret: &str) -> Result<(), EntraError> {
    if login == Login::ServicePrincipal && secret == authority.client_secret() {
        return Ok(());
    }
    Err(EntraError::new(
        401,
        "invalid_client",
        7_000_215,
        &format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client \
         secret value, not the client secret ID, for a secret added to app '{}'.",
            login.client_id().unwrap_or_default()
        ),
    ))
}

fn check_assertion(authority: &Authority, login: Login, assertion: &str) -> Result<(), EntraError> {
    let no_record = || {
        EntraError::new(
            400,
            "invalid_request",
            70_021,
            "No matching federated identity record found for presented assertion. Please check your \
         federated identity credential Subject, Audience and Issuer against the presented assertion.",
        )
    };
    if login != Login::WorkloadIdentity {
        return Err(no_record());
    }
    authority.check_assertion(assertion).map_err(|fault| match fault {
        AssertionFault::Unknown => no_record(),
        AssertionFault::OtherSubject => EntraError::new(
            401,
            "invalid_client",
            700_213,
            &format!(
                "No matching federated identity record found for presented assertion subject. The \
             expected subject is '{SERVICE_ACCOUNT}'."
            ),
        ),
        AssertionFault::Expired => EntraError::new(
            401,
            "invalid_client",
            700_024,
            "Client assertion is not within its valid time range.",
        ),
    })
}
