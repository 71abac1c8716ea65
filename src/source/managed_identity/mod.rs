//! What the managed-identity endpoints have in common.

mod app_service;
mod imds;
mod machine;

use std::time::Duration;

pub use app_service::AppService;
pub use imds::Imds;
use reqwest::Url;

use super::{
    answer::{refusal::Refusal, token},
    http::{self, Answer, Client, Request, exchange},
};
use crate::{
    cloud::resource_of,
    error::{TokenError, TokenErrorKind},
    identity::UserAssignedId,
    token::AccessToken,
};

/// The endpoint asks Entra in its turn when it has no token at hand, which can take some seconds.
/// Four attempts of this length and the waits between them fit into the cache's fetch deadline.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

const ELSEWHERE: &str = "this machine seems to have no managed identity; on your own machine, run \
     `az login` and set AZURE_TOKEN_CREDENTIALS=dev; elsewhere outside Azure, log in with a service \
     principal (AZURE_POSTGRESQL_TENANTID, AZURE_POSTGRESQL_CLIENTID, AZURE_POSTGRESQL_CLIENTSECRET)";

const NOT_ASSIGNED: &str = "assign the managed identity to this resource; a user-assigned one has to be \
     named on App Service, Functions and Container Apps: set its client id where the settings take it \
     from (AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or Spring's client-id); on AKS, check the pod's \
     label azure.workload.identity/use and its service account";

const SEVERAL: &str = "several user-assigned identities are assigned here: set the client id of the one \
     to use (AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or Spring's client-id)";

const PROXY: &str = "the answer comes from something else, such as a proxy: let requests to the \
                     identity endpoint go straight to it";

/// The names of the query parameters that select a user-assigned identity.
struct Selectors {
    client_id: &'static str,
    object_id: &'static str,
    resource_id: &'static str,
}

impl Selectors {
    fn pair<'a>(&self, identity: &'a UserAssignedId) -> (&'static str, &'a str) {
        match identity {
            UserAssignedId::ClientId(id) => (self.client_id, id),
            UserAssignedId::ObjectId(id) => (self.object_id, id),
            UserAssignedId::ResourceId(id) => (self.resource_id, id),
        }
    }
}

/// The request for a token, so far as the platforms agree on it.
fn request(
    source: &'static str,
    endpoint: &Url,
    api_version: &str,
    scope: &str,
    identity: Option<(&Selectors, &UserAssignedId)>,
) -> Result<Request, TokenError> {
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .append_pair("api-version", api_version)
        .append_pair("resource", resource_of(scope));
    if let Some((selectors, identity)) = identity {
        let (name, id) = selectors.pair(identity);
        url.query_pairs_mut().append_pair(name, id);
    }
    http::get(source, &url)
}

/// One attempt: the request, and the answer read as a token or as a refusal.
async fn attempt(
    source: &'static str,
    client: &Client,
    request: Request,
    refuse: impl FnOnce(&Answer) -> TokenError,
) -> Result<AccessToken, TokenError> {
    let answer = exchange(source, client, request, ATTEMPT_TIMEOUT).await?;
    if answer.is_success() { token::read(source, &answer) } else { Err(refuse(&answer)) }
}

/// The error for a refusal, with the remedy where the text is a known one.
///
/// Microsoft may change the texts at any time, so they choose a hint and nothing else.
fn refused(
    source: &'static str,
    answer: &Answer,
    secrets: &[&str],
    kind: TokenErrorKind,
) -> TokenError {
    let refusal = Refusal::read(&answer.body, secrets);
    let hint = hint(kind, &refusal);
    let error = refusal.into_error(source, answer, kind);
    match hint {
        Some(hint) if !error.has_hint() => error.with_hint(hint),
        _ => error,
    }
}

/// How IMDS, and App Service, Functions and Container Apps say it
/// ([1](https://github.com/Azure/azure-sdk-for-net/issues/43691),
/// [2](https://github.com/Azure/azure-cli/issues/20196)).
const UNASSIGNED: [&str; 5] = [
    "identity not found",
    "managed identity found",
    "unable to load the proper managed identity",
    "unable to load requested managed identity",
    "no msi found",
];

fn hint(kind: TokenErrorKind, refusal: &Refusal) -> Option<&'static str> {
    let text = refusal.text.to_ascii_lowercase();
    let says = |part: &str| text.contains(part);
    if says("multiple user assigned") {
        Some(SEVERAL)
    } else if UNASSIGNED.iter().any(|part| says(part)) {
        Some(NOT_ASSIGNED)
    } else if says("dial tcp") || says("unreachable network") {
        // Docker Desktop answers in the place of IMDS and says that it can't reach it.
        Some(ELSEWHERE)
    } else if kind == TokenErrorKind::InvalidResponse || (!refusal.is_json && !text.is_empty()) {
        Some(PROXY)
    } else {
        None
    }
}
