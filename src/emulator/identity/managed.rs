//! Which managed identity a request means; the same for both endpoints but for the names.

use super::message::Fields;
use crate::emulator::{Login, Platform};

/// What an endpoint calls the three ways to name a user-assigned identity.
pub(crate) struct SelectorNames {
    pub(crate) client_id: &'static str,
    pub(crate) object_id: &'static [&'static str],
    pub(crate) resource_id: &'static str,
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
        (query.get(names.client_id), user.client_id()),
        (names.object_id.iter().find_map(|name| query.get(name)), user.object_id()),
        (query.get(names.resource_id), user.resource_id()),
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
