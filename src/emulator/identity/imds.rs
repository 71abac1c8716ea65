//! The Instance Metadata Service of a virtual machine
//! ([documentation](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token)).

use serde_json::json;

use super::{
    authority::Authority,
    managed::{Choice, SelectorNames, choose, token_body},
    message::{Reply, Request},
};
use crate::emulator::{Platform, facts::is_resource, principals::TENANT_ID};

pub(crate) const PATH: &str = "/metadata/identity/oauth2/token";

/// The oldest version of the interface that has managed identities.
const OLDEST_VERSION: &str = "2018-02-01";

pub(super) const SELECTORS: SelectorNames = SelectorNames {
    client_id: Some("client_id"),
    object_id: &["object_id"],
    resource_id: Some("msi_res_id"),
};

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    if let Some(refusal) = check(request, OLDEST_VERSION) {
        return refusal;
    }
    match choose(&request.query, &SELECTORS, Platform::VirtualMachine) {
        Choice::Identity(login) => Reply::json(200, &token_body(authority, login, &request.query)),
        Choice::NoSuchIdentity => invalid_request("Identity not found"),
        Choice::Several => {
            invalid_request("More than one of client_id, object_id and msi_res_id was specified")
        }
    }
}

/// An error body as the service writes it.
pub(crate) fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": code, "error_description": description }))
}

/// What is wrong with a request, as this service and Azure Arc's agent see it.
pub(super) fn check(request: &Request, oldest_version: &str) -> Option<Reply> {
    if request.method != "GET" {
        return Some(error(405, "method_not_allowed", "The method is not allowed"));
    }
    if request.header("metadata") != Some("true") {
        return Some(error(400, "bad_request_102", "Required metadata header not specified"));
    }
    match request.query.get("api-version") {
        None => Some(invalid_request("Required query variable 'api-version' is missing")),
        Some(version) if !is_date(version) || version < oldest_version => {
            let text = format!("The api-version is invalid; use {oldest_version} or greater");
            Some(invalid_request(&text))
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

pub(super) fn invalid_request(description: &str) -> Reply {
    error(400, "invalid_request", description)
}
