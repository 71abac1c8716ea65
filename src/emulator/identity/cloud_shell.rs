//! The token endpoint of Cloud Shell, as MSAL speaks with it
//! ([source](https://github.com/AzureAD/microsoft-authentication-library-for-go/blob/main/apps/managedidentity/cloud_shell.go)),
//! and how it refuses a resource that it doesn't know
//! ([documentation](https://learn.microsoft.com/azure/cloud-shell/msi-authorization)).

use serde_json::json;

use super::{
    authority::Authority,
    managed::token_body,
    message::{Fields, Reply, Request},
};
use crate::emulator::{Login, facts::is_resource};

pub(crate) const PATH: &str = "/oauth2/token";

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    if request.method != "POST" {
        return error(405, "MethodNotAllowed", "The method is not allowed.");
    }
    if request.header("metadata") != Some("true") {
        return error(400, "MissingMetadataHeader", "Required metadata header not specified");
    }
    let form = Fields::parse(&String::from_utf8_lossy(&request.body));
    match form.get("resource").filter(|_| request.is_form()) {
        Some(resource) if is_resource(resource) => {
            Reply::json(200, &token_body(authority, Login::CloudShell, &form))
        }
        Some(resource) => {
            let text = format!("Audience {resource} is not a supported MSI token audience.");
            error(400, "AudienceNotSupported", &text)
        }
        None => error(400, "InvalidRequest", "The form names no resource."),
    }
}

/// An error body as the endpoint writes it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "code": code, "message": message } }))
}
