//! The Instance Metadata Service of a virtual machine
//! ([documentation](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token)).

use serde_json::json;

use super::{
    authority::Authority,
    managed::{Choice, SelectorNames, choose},
    message::{Fields, Reply, Request},
};
use crate::emulator::{Login, Platform, facts::is_resource, principals::TENANT_ID};

pub(crate) const PATH: &str = "/metadata/identity/oauth2/token";

/// The oldest version of the interface that has managed identities.
const OLDEST_VERSION: &str = "2018-02-01";

const SELECTORS: SelectorNames =
    SelectorNames { client_id: "client_id", object_id: &["object_id"], resource_id: "msi_res_id" };

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    if let Some(refusal) = check(request) {
        return refusal;
    }
    match choose(&request.query, &SELECTORS, Platform::VirtualMachine) {
        Choice::Identity(login) => success(authority, login, &request.query),
        Choice::NoSuchIdentity => invalid_request("Identity not found"),
        Choice::Several => {
            invalid_request("More than one of client_id, object_id and msi_res_id was specified")
        }
    }
}

fn success(authority: &Authority, login: Login, query: &Fields) -> Reply {
    let resource = query.get("resource").unwrap_or_default();
    let issued = authority.issue(login, resource);
    // All numbers are JSON strings.
    let body = json!({
        "access_token": issued.token,
        "client_id": login.client_id(),
        "expires_in": issued.expires_in.to_string(),
        "expires_on": issued.expires_on.to_string(),
        "ext_expires_in": issued.expires_in.to_string(),
        "not_before": issued.not_before.to_string(),
        "refresh_token": "",
        "resource": resource,
        "token_type": "Bearer",
    });
    Reply::json(200, &body)
}

/// An error body as the service writes it.
pub(crate) fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": code, "error_description": description }))
}

fn check(request: &Request) -> Option<Reply> {
    if request.method != "GET" {
        return Some(error(405, "method_not_allowed", "The method is not allowed"));
    }
    if request.header("metadata") != Some("true") {
        return Some(error(400, "bad_request_102", "Required metadata header not specified"));
    }
    match request.query.get("api-version") {
        None => Some(invalid_request("Required query variable 'api-version' is missing")),
        Some(version) if !is_date(version) || version < OLDEST_VERSION => {
            Some(invalid_request("The api-version is invalid; use 2018-02-01 or greater"))
        }
        Some(_) => check_resource(request.query.get("resource")),
    }
}

fn check_resource(resource: Option<&str>) -> Option<Reply> {
    match resource {
        None => Some(invalid_request("Required query variable 'resource' is missing")),
        Some(resource) if is_resource(resource) => None,
        Some(resource) => {
            let description = format!(
                "AADSTS50001: The application named {resource} was not found in the tenant named \
                 {TENANT_ID}."
            );
            Some(error(400, "invalid_resource", &description))
        }
    }
}

fn is_date(version: &str) -> bool {
    version.len() == OLDEST_VERSION.len()
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn invalid_request(description: &str) -> Reply {
    error(400, "invalid_request", description)
}
