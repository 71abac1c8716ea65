//! The token endpoint of App Service, Functions and Container Apps
//! ([documentation](https://learn.microsoft.com/azure/app-service/overview-managed-identity)).

use serde_json::json;

use super::{
    authority::Authority,
    managed::{Choice, SelectorNames, choose},
    message::{Fields, Reply, Request},
};
use crate::emulator::{Login, Platform, facts::is_resource, random};

pub(crate) const PATH: &str = "/msi/token";

const VERSION: &str = "2019-08-01";

const SELECTORS: SelectorNames = SelectorNames {
    client_id: "client_id",
    object_id: &["principal_id", "object_id"],
    resource_id: "mi_res_id",
};

/// The endpoint's answer, also when the application asks for an identity that it doesn't have.
const NOT_FOUND: &str = "No User Assigned or Delegated Managed Identity found for specified \
                         ClientId/ResourceId/PrincipalId.";
/// The endpoint doesn't say what is wrong with a resource.
const UNEXPECTED: &str = "An unexpected error occured while fetching the AAD Token.";

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    if let Some((status, message)) = check(authority, request) {
        return error(status, message);
    }
    match choose(&request.query, &SELECTORS, Platform::AppService) {
        Choice::Identity(login) => success(authority, login, &request.query),
        Choice::NoSuchIdentity => error(400, NOT_FOUND),
        Choice::Several => {
            error(400, "client_id, principal_id and mi_res_id are mutually exclusive.")
        }
    }
}

fn success(authority: &Authority, login: Login, query: &Fields) -> Reply {
    let resource = query.get("resource").unwrap_or_default();
    let issued = authority.issue(login, resource);
    // Numbers are strings, and there is no `expires_in`.
    let body = json!({
        "access_token": issued.token,
        "client_id": login.client_id(),
        "expires_on": issued.expires_on.to_string(),
        "not_before": issued.not_before.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    Reply::json(200, &body)
}

/// An error body as the endpoint writes it.
pub(crate) fn error(status: u16, message: &str) -> Reply {
    let correlation_id = random::guid();
    let body = json!({ "statusCode": status, "message": message, "correlationId": correlation_id });
    Reply::json(status, &body)
}

fn check(authority: &Authority, request: &Request) -> Option<(u16, &'static str)> {
    let resource = request.query.get("resource");
    if request.method != "GET" {
        return Some((405, "The requested resource does not support the http method."));
    }
    if request.header("x-identity-header") != Some(authority.identity_header()) {
        return Some((401, "The X-IDENTITY-HEADER is missing or does not match."));
    }
    if request.query.get("api-version") != Some(VERSION) {
        return Some((400, "The api-version is missing or not supported."));
    }
    match resource {
        None => Some((400, "The resource is missing.")),
        Some(resource) if !is_resource(resource) => Some((500, UNEXPECTED)),
        Some(_) => None,
    }
}
