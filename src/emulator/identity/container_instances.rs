//! The token endpoint of Container Instances on Windows
//! ([documentation](https://learn.microsoft.com/azure/container-instances/container-instances-managed-identity#managed-identity-on-windows-containers)),
//! and how it says no ([report](https://github.com/Azure/azure-sdk-for-net/issues/45547)).

use serde_json::json;

use super::{
    authority::Authority,
    managed::{Choice, SelectorNames, choose, token_body},
    message::{Reply, Request},
};
use crate::emulator::{Platform, facts::is_resource};

/// Of the whole address, below which others have theirs.
pub(crate) const PATH: &str = "/container-instances/metadata/identity/oauth2/token";

const SELECTORS: SelectorNames =
    SelectorNames { client_id: None, object_id: &["principalId"], resource_id: None };

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    if let Some((status, code)) = check(authority, request) {
        return error(status, code);
    }
    match choose(&request.query, &SELECTORS, Platform::ContainerInstances) {
        Choice::Identity(login) => Reply::json(200, &token_body(authority, login, &request.query)),
        Choice::NoSuchIdentity | Choice::Several => error(404, "ManagedIdentityNotFound"),
    }
}

/// An error body as the endpoint writes it.
pub(crate) fn error(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "code": code, "message": code, "details": [] } }))
}

fn check(authority: &Authority, request: &Request) -> Option<(u16, &'static str)> {
    if request.method != "GET" {
        return Some((405, "MethodNotAllowed"));
    }
    if request.header("secret") != Some(authority.identity_header()) {
        return Some((401, "SecretHeaderNotFound"));
    }
    // Its own, and no second one beside it.
    if request.query.all("api-version") != ["1.0"] {
        return Some((400, "InvalidApiVersion"));
    }
    let is_known = request.query.get("resource").is_some_and(is_resource);
    (!is_known).then_some((400, "ArgumentNullOrEmpty"))
}
