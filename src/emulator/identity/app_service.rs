//! The token endpoint of App Service, Functions and Container Apps
//! ([documentation](https://learn.microsoft.com/azure/app-service/overview-managed-identity)).
//!
//! The version before 2019 is served at the same place
//! ([documentation](https://github.com/MicrosoftDocs/azure-docs/blob/02512778/articles/app-service/overview-managed-identity.md)).

use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

use super::{
    authority::Authority,
    managed::{Choice, SelectorNames, choose},
    message::{Fields, Reply, Request},
};
use crate::emulator::{Login, Platform, facts::is_resource, random};

pub(crate) const PATH: &str = "/msi/token";

/// What differs between the versions.
struct Version {
    platform: Platform,
    /// The header with the endpoint's secret.
    header: &'static str,
    selectors: SelectorNames,
}

const CURRENT: Version = Version {
    platform: Platform::AppService,
    header: "x-identity-header",
    selectors: SelectorNames {
        client_id: Some("client_id"),
        object_id: &["principal_id", "object_id"],
        resource_id: Some("mi_res_id"),
    },
};

const OLDER: Version = Version {
    platform: Platform::OlderAppService,
    header: "secret",
    selectors: SelectorNames { client_id: Some("clientid"), object_id: &[], resource_id: None },
};

/// The endpoint's answer, also when the application asks for an identity that it doesn't have.
const NOT_FOUND: &str = "No User Assigned or Delegated Managed Identity found for specified \
                         ClientId/ResourceId/PrincipalId.";
/// The endpoint doesn't say what is wrong with a resource.
const UNEXPECTED: &str = "An unexpected error occured while fetching the AAD Token.";

pub(crate) fn answer(authority: &Authority, request: &Request) -> Reply {
    let version = match request.query.get("api-version") {
        Some("2019-08-01") => CURRENT,
        Some("2017-09-01") => OLDER,
        _ => return error(400, "The api-version is missing or not supported."),
    };
    if let Some((status, message)) = check(authority, request, version.header) {
        return error(status, message);
    }
    match choose(&request.query, &version.selectors, version.platform) {
        Choice::Identity(login) => success(authority, login, &request.query, version.platform),
        Choice::NoSuchIdentity => error(400, NOT_FOUND),
        Choice::Several => {
            error(400, "client_id, principal_id and mi_res_id are mutually exclusive.")
        }
    }
}

fn success(authority: &Authority, login: Login, query: &Fields, platform: Platform) -> Reply {
    let resource = query.get("resource").unwrap_or_default();
    let issued = authority.issue(login, resource);
    let time = |seconds: i64| match platform {
        Platform::OlderAppService => date(seconds),
        // Numbers are strings.
        _ => seconds.to_string(),
    };
    // There is no `expires_in`.
    let body = json!({
        "access_token": issued.token,
        "client_id": login.client_id(),
        "expires_on": time(issued.expires_on),
        "not_before": time(issued.not_before),
        "resource": resource,
        "token_type": "Bearer",
    });
    Reply::json(200, &body)
}

/// A time as the older version writes it on Linux
/// ([source](https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/identity/azure-identity/azure/identity/_credentials/azure_ml.py)).
fn date(seconds: i64) -> String {
    let format = format_description!("[month]/[day]/[year] [hour]:[minute]:[second] +00:00");
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format).unwrap_or_default()
}

/// An error body as the endpoint writes it.
pub(crate) fn error(status: u16, message: &str) -> Reply {
    let correlation_id = random::guid();
    let body = json!({ "statusCode": status, "message": message, "correlationId": correlation_id });
    Reply::json(status, &body)
}

fn check(authority: &Authority, request: &Request, header: &str) -> Option<(u16, &'static str)> {
    let resource = request.query.get("resource");
    if request.method != "GET" {
        return Some((405, "The requested resource does not support the http method."));
    }
    if request.header(header) != Some(authority.identity_header()) {
        return Some((401, "The X-IDENTITY-HEADER is missing or does not match."));
    }
    match resource {
        None => Some((400, "The resource is missing.")),
        Some(resource) if !is_resource(resource) => Some((500, UNEXPECTED)),
        Some(_) => None,
    }
}
