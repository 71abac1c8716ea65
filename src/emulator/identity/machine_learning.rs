//! The token endpoint of Azure Machine Learning, as MSAL speaks with it
//! ([source](https://github.com/AzureAD/microsoft-authentication-library-for-go/blob/main/apps/managedidentity/azure_ml.go)):
//! the older version of App Service's, with times as numbers.

use super::{
    app_service::error,
    authority::Authority,
    managed::{Choice, SelectorNames, choose, token_body},
    message::{Reply, Request},
};
use crate::emulator::{Platform, facts::is_resource};

pub(crate) const PATH: &str = "/MSI/auth";

const VERSION: &str = "2017-09-01";

const SELECTORS: SelectorNames =
    SelectorNames { client_id: Some("clientid"), object_id: &[], resource_id: None };

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    if let Some((status, message)) = check(authority, request) {
        return error(status, message);
    }
    match choose(&request.query, &SELECTORS, Platform::MachineLearning) {
        Choice::Identity(login) => Reply::json(200, &token_body(authority, login, &request.query)),
        Choice::NoSuchIdentity | Choice::Several => {
            error(400, "No MSI found for specified ClientId/ResourceId.")
        }
    }
}

fn check(authority: &Authority, request: &Request) -> Option<(u16, &'static str)> {
    if request.method != "GET" {
        return Some((405, "The requested resource does not support the http method."));
    }
    if request.header("secret") != Some(authority.identity_header()) {
        return Some((401, "Invalid secret token header"));
    }
    if request.query.get("api-version") != Some(VERSION) {
        return Some((400, "The api-version is missing or not supported."));
    }
    let is_known = request.query.get("resource").is_some_and(is_resource);
    (!is_known).then_some((400, "The resource is missing or unknown."))
}
