//! The agent of a machine that is connected to Azure Arc
//! ([documentation](https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication)).

use serde_json::json;

use super::{
    arc_challenges::Challenges,
    authority::Authority,
    imds,
    managed::{Choice, choose, token_body},
    message::{Reply, Request},
};
use crate::emulator::{Login, Platform};

/// Of the whole address: the agent has the path of IMDS at a port of its own.
pub(crate) const PATH: &str = "/arc/metadata/identity/oauth2/token";

/// The oldest version of the interface.
const OLDEST_VERSION: &str = "2019-11-01";

pub(crate) fn answer(authority: &Authority, challenges: &Challenges, request: &Request) -> Reply {
    if let Some(refusal) = imds::check(request, OLDEST_VERSION) {
        return refusal;
    }
    let Some(authorization) = request.header("authorization") else {
        return challenge(challenges);
    };
    let key = authorization.strip_prefix("Basic ").unwrap_or_default();
    if !challenges.take(key) {
        // In which words the agent says so is not published.
        return imds::error(401, "unauthorized_client", "The key is not that of a challenge");
    }
    match choose(&request.query, &imds::SELECTORS, Platform::AzureArc) {
        Choice::Identity(login) => success(authority, login, request),
        Choice::NoSuchIdentity | Choice::Several => imds::invalid_request("Identity not found"),
    }
}

fn challenge(challenges: &Challenges) -> Reply {
    match challenges.make() {
        Ok(file) => {
            let text = format!("Basic realm={}", file.display());
            Reply { challenge: Some(text), ..Reply::new(401, "text/plain", Vec::new()) }
        }
        Err(error) => imds::error(500, "unknown", &format!("no challenge file: {error}")),
    }
}

/// An agent that knows user-assigned identities says whose token it is
/// ([source](https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/identity/azure-identity/azure/identity/_credentials/azure_arc.py)).
fn success(authority: &Authority, login: Login, request: &Request) -> Reply {
    let mut body = token_body(authority, login, &request.query);
    if let Login::UserAssigned(_) = login {
        body["object_id"] = json!(login.object_id());
        body["msi_res_id"] = json!(login.resource_id());
    }
    Reply::json(200, &body)
}
