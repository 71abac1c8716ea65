//! The token, and whether it is for this server.

use tokio::time::{Instant, timeout_at};

use super::{
    kind::kind,
    report::{Step, StepName},
    running::{Running, with_causes},
    settings::identity_variable,
    value::Value,
};
use crate::{
    cache::TokenCache,
    clock::{Clock, SystemClock},
    cloud::{Cloud, resource_of},
    connector::Connector,
    error::{Error, Stage, TokenErrorKind},
    identity::{Identity, UserAssignedId},
    token::{AccessToken, Claims},
};

/// The claims that tell whose token it is and for whom.
const SHOWN: [&str; 8] = ["aud", "iss", "tid", "oid", "appid", "azp", "upn", "idtyp"];

/// Fetches the token and judges it; the token too, if there is one.
pub(super) async fn steps(
    connector: &Connector,
    deadline: Instant,
) -> ([Step; 2], Option<AccessToken>) {
    let Some(tokens) = connector.token_cache() else {
        let skipped = |name| Step::skipped(name, "a password logs in");
        return ([skipped(StepName::Token), skipped(StepName::Audience)], None);
    };
    let mut step = Running::start(StepName::Token);
    step.detail("source", tokens.source_name());
    step.detail("scope", tokens.scope());
    match fetch(connector, tokens, deadline).await {
        Ok(token) => {
            describe(&token, &mut step);
            ([step.passed(), audience(connector, tokens, &token)], Some(token))
        }
        Err(error) => {
            let audience = Step::not_reached(StepName::Audience, StepName::Token);
            ([failed(connector, step, &error), audience], None)
        }
    }
}

/// Where the service knows no such identity, and it could not: the client id is none.
fn failed(connector: &Connector, step: Running, error: &Error) -> Step {
    let settings = connector.settings();
    let refused = matches!(error, Error::Token(error) if error.kind() == TokenErrorKind::Denied);
    if !refused || client_id(settings.identity()).is_none_or(is_guid) {
        return step.failed(error);
    }
    let place = identity_variable(settings).unwrap_or("the identity in the settings");
    let fix = format!(
        "{place} has to hold the identity's client id, a GUID: `az identity show --query clientId` prints \
         that of a managed identity"
    );
    step.failed_with(&kind(error), &with_causes(error), &fix)
}

fn client_id(identity: &Identity) -> Option<&str> {
    match identity {
        Identity::UserAssigned(UserAssignedId::ClientId(id)) => Some(id),
        _ => None,
    }
}

/// 8, 4, 4, 4 and 12 hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

async fn fetch(
    connector: &Connector,
    tokens: &TokenCache,
    deadline: Instant,
) -> Result<AccessToken, Error> {
    match timeout_at(deadline, tokens.acquire_by(deadline)).await {
        Ok(acquired) => Ok(acquired?.token),
        Err(_) => Err(Error::Timeout {
            stage: Stage::Token,
            limit: connector.deadline(),
            last: tokens.last_attempt().map(|error| Box::new(error.into())),
        }),
    }
}

fn describe(token: &AccessToken, step: &mut Running) {
    step.detail("expires_on", Value::Time(token.expires_on()));
    step.detail("lifetime_left", Value::Duration(token.life_left(SystemClock.now().wall)));
    let Ok(claims) = token.claims() else {
        return step.detail("claims", "can't be read: the token is no JSON Web Token");
    };
    for name in SHOWN {
        step.known(name, claims.text(name));
    }
    step.known("name", claims.login_name());
}

/// Shows whom the token is for. The builder refuses a scope, and the cache a token, that is not for the
/// server, so a mismatch ends an earlier step.
fn audience(connector: &Connector, tokens: &TokenCache, token: &AccessToken) -> Step {
    let mut step = Running::start(StepName::Audience);
    let cloud = Cloud::of_host(connector.settings().first_host().name());
    let cloud = cloud.map_or("none: a trusted host".to_owned(), |cloud| format!("{cloud:?}"));
    step.detail("cloud", cloud);
    step.detail("wanted", resource_of(tokens.scope()));
    match token.claims().as_ref().ok().and_then(Claims::audience) {
        Some(audience) => {
            step.detail("aud", audience);
            step.passed()
        }
        None => step.skipped("the token doesn't show its audience"),
    }
}
