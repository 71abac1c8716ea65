//! What the managed-identity endpoints have in common.

mod app_service;
mod azure_arc;
mod cloud_shell;
mod confirmation;
mod container_instances;
mod hint;
mod imds;
mod machine;
mod msi_endpoint;
mod secret_header;

use std::time::Duration;

pub use app_service::AppService;
pub use azure_arc::AzureArc;
pub use cloud_shell::CloudShell;
pub use container_instances::ContainerInstances;
pub(in crate::source) use hint::may_be_assigned_soon;
pub use imds::Imds;
pub use msi_endpoint::MsiEndpoint;
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

/// One attempt: the request, and the answer read as a token of this identity or as a refusal, of the kind that its
/// status stands for.
async fn attempt(
    source: &'static str,
    client: &Client,
    request: Request,
    identity: Option<&UserAssignedId>,
    secrets: &[&str],
    kind_of: fn(u16) -> TokenErrorKind,
) -> Result<AccessToken, TokenError> {
    let answer = exchange(source, client, request, ATTEMPT_TIMEOUT).await?;
    if !answer.is_success() {
        return Err(refused(source, &answer, secrets, kind_of(answer.status)));
    }
    let token = token::read(source, &answer, secrets)?;
    confirmation::confirmed(source, identity, &answer, token)
}

/// An error that says where nobody answers, and what to do about it.
fn with_advice_on_absence(error: TokenError, endpoint: &Url, advice: &str) -> TokenError {
    if error.kind() != TokenErrorKind::Unreachable {
        return error;
    }
    error.with_hint(format!("nobody answers at {}: {advice}", endpoint.authority()))
}

/// The error for a refusal, with the remedy where it is a known one.
fn refused(
    source: &'static str,
    answer: &Answer,
    secrets: &[&str],
    kind: TokenErrorKind,
) -> TokenError {
    let refusal = Refusal::read(&answer.body, secrets);
    let hint = hint::of(source, answer.status, kind, &refusal);
    let error = refusal.into_error(source, answer, kind);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests;
