//! Which managed identity a request means, and the answer that most endpoints give; they differ in names.

use serde_json::{Value, json};

use super::{authority::Authority, message::Fields};
use crate::emulator::{Login, Platform};

/// What an endpoint calls the three ways to name a user-assigned identity; some don't know them all.
#[derive(Default)]
pub(crate) struct SelectorNames {
    pub(crate) client_id: Option<&'static str>,
    pub(crate) object_id: &'static [&'static str],
    pub(crate) resource_id: Option<&'static str>,
}

pub(crate) enum Choice {
    Identity(Login),
    NoSuchIdentity,
    Several,
}

/// The identity that the request names; the system-assigned one if it names none. Parameters with the
/// names of the other endpoint are ignored, as the platforms ignore them.
pub(crate) fn choose(query: &Fields, names: &SelectorNames, platform: Platform) -> Choice {
    let user = Login::UserAssigned(platform);
    let expected = [
        (names.client_id.and_then(|name| query.get(name)), user.client_id()),
        (names.object_id.iter().find_map(|name| query.get(name)), user.object_id()),
        (names.resource_id.and_then(|name| query.get(name)), user.resource_id()),
    ];
    let mut named = expected.iter().filter_map(|(asked, own)| asked.map(|asked| (asked, *own)));
    match (named.next(), named.next()) {
        (None, _) => Choice::Identity(Login::SystemAssigned(platform)),
        (Some(_), Some(_)) => Choice::Several,
        (Some((asked, own)), None) if own.is_some_and(|own| own.eq_ignore_ascii_case(asked)) => {
            Choice::Identity(user)
        }
        (Some(_), None) => Choice::NoSuchIdentity,
    }
}

/// A token with what stands beside it at the Instance Metadata Service and those after its model. All numbers
/// are JSON strings.
pub(crate) fn token_body(authority: &Authority, login: Login, query: &Fields) -> Value {
    let resource = query.get("resource").unwrap_or_default();
    let issued = authority.issue(login, resource);
    json!({
        "access_token": issued.token,
        "client_id": login.client_id(),
        "expires_in": issued.expires_in.to_string(),
        "expires_on": issued.expires_on.to_string(),
        "ext_expires_in": issued.expires_in.to_string(),
        "not_before": issued.not_before.to_string(),
        "refresh_token": "",
        "resource": resource,
        "token_type": "Bearer",
    })
}
