use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::error::text::write_as_problem_and_hint;

/// What the resource id of a user-assigned managed identity holds before its name.
const USER_ASSIGNED: &str = "/providers/microsoft.managedidentity/userassignedidentities/";

/// The claims of a token, read without verifying its signature.
///
/// What the claims mean:
/// [access token claims reference](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
/// Serialised, they are the object that they are in the token.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Claims(Map<String, Value>);

/// The text is not a JSON Web Token: three base64url parts, of which the second is a JSON object.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimsError;

impl ClaimsError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        "go on without the claims: only the server can say whether the token is good"
    }

    fn problem(self) -> &'static str {
        "the token is not a JSON Web Token"
    }
}

write_as_problem_and_hint!(ClaimsError);

impl std::error::Error for ClaimsError {}

impl Claims {
    pub(super) fn of(token: &str) -> Result<Self, ClaimsError> {
        let parts: Vec<&str> = token.split('.').collect();
        let [_header, payload, _signature] = parts[..] else { return Err(ClaimsError) };
        let json = URL_SAFE_NO_PAD.decode(payload).map_err(|_| ClaimsError)?;
        serde_json::from_slice(&json).map(Self).map_err(|_| ClaimsError)
    }

    /// Whether the text is a signed JSON Web Token and nothing else.
    pub(crate) fn are_in(text: &str) -> bool {
        let is_object = |part: &str| {
            let json = URL_SAFE_NO_PAD.decode(part).ok();
            json.is_some_and(|json| serde_json::from_slice::<Map<String, Value>>(&json).is_ok())
        };
        let is_base64url =
            |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        match text.split('.').collect::<Vec<_>>()[..] {
            [header, payload, signature] => {
                is_object(header) && is_object(payload) && is_base64url(signature)
            }
            _ => false,
        }
    }

    /// A claim that is a non-empty string; any other value counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.trim().is_empty())
    }

    /// The audience: the service that the token is for (`aud`).
    pub fn audience(&self) -> Option<&str> {
        self.text("aud")
    }

    /// Whether the token says that it is for this resource. A slash at the end of either makes no
    /// difference.
    pub(crate) fn is_for(&self, resource: &str) -> bool {
        let wanted = resource.trim_end_matches('/');
        self.audience().is_some_and(|audience| audience.trim_end_matches('/') == wanted)
    }

    /// The object id of the principal (`oid`): what the server maps to a role.
    pub fn object_id(&self) -> Option<&str> {
        self.text("oid")
    }

    /// The tenant (`tid`).
    pub fn tenant_id(&self) -> Option<&str> {
        self.text("tid")
    }

    /// The client id of the application or managed identity (`appid`, or `azp` in v2 tokens).
    pub fn client_id(&self) -> Option<&str> {
        self.text("appid").or_else(|| self.text("azp"))
    }

    /// When the token expires (`exp`).
    pub fn expires_on(&self) -> Option<SystemTime> {
        let seconds = self.0.get("exp")?.as_u64()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }

    /// The name that a role for this principal has by convention.
    ///
    /// The last segment of `xms_mirid` for a user-assigned managed identity; else `upn`,
    /// `preferred_username` or `unique_name`. A system-assigned identity's and an application's token
    /// carry no such name.
    pub fn login_name(&self) -> Option<&str> {
        self.user_assigned_name()
            .or_else(|| self.text("upn"))
            .or_else(|| self.text("preferred_username"))
            .or_else(|| self.text("unique_name"))
    }

    fn user_assigned_name(&self) -> Option<&str> {
        let resource_id = self.text("xms_mirid")?;
        // Resource ids are compared without regard to case; ASCII lower-casing keeps byte positions.
        let at = resource_id.to_ascii_lowercase().find(USER_ASSIGNED)?;
        let name = &resource_id[at + USER_ASSIGNED.len()..];
        (!name.is_empty() && !name.contains('/')).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn claims(payload: &Value) -> Claims {
        Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload.to_string()))).unwrap()
    }

    #[test]
    fn the_login_name_comes_from_the_first_claim_that_carries_one() {
        let identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity\
                        /userAssignedIdentities/My-Identity";
        let machine =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm";
        let cases = [
            (json!({"xms_mirid": identity, "upn": "a@b"}), Some("My-Identity")),
            (json!({"xms_mirid": identity.to_lowercase()}), Some("my-identity")),
            (json!({"xms_mirid": machine}), None),
            (json!({"xms_mirid": format!("{identity}/more"), "upn": "a@b"}), Some("a@b")),
            (json!({"upn": "", "preferred_username": null, "unique_name": "c@d"}), Some("c@d")),
            (json!({"upn": 7, "preferred_username": "p@q"}), Some("p@q")),
            (json!({"oid": "x"}), None),
        ];
        for (payload, name) in cases {
            assert_eq!(claims(&payload).login_name(), name, "{payload}");
        }
    }

    #[test]
    fn anything_but_three_parts_around_a_json_object_is_no_jwt() {
        for text in
            ["", "a", "a.b", "a.b.c", "e30.e30", "e30.e30.c2ln.x", "e30.W10.c2ln", "e30..c2ln"]
        {
            assert_eq!(Claims::of(text), Err(ClaimsError), "{text}");
        }
    }

    #[test]
    fn a_text_with_more_than_a_token_in_it_is_none() {
        assert!(Claims::are_in("e30.e30.c2ln") && Claims::are_in("e30.e30.first"));
        for text in ["", "a=e30.e30.c2ln", "e30.e30.c2ln e30", "e30.W10.c2ln", "W10.e30.c2ln"] {
            assert!(!Claims::are_in(text), "{text}");
        }
    }

    #[test]
    fn a_slash_at_the_end_makes_no_other_audience() {
        let database = claims(&json!({"aud": "https://db/"}));
        assert!(database.is_for("https://db") && database.is_for("https://db/"));
        assert!(!database.is_for("https://db.example"));
        assert!(!claims(&json!({"aud": ["https://db"]})).is_for("https://db"));
    }

    fn read_all(claims: &Claims) {
        let _ = (claims.audience(), claims.object_id(), claims.tenant_id(), claims.client_id());
        let _ = (claims.expires_on(), claims.login_name());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-zA-Z0-9_.=-]{0,60}|.{0,60}") {
            let _ = Claims::of(&text).as_ref().map(read_all);
        }

        #[test]
        fn no_payload_panics(payload in any::<Vec<u8>>()) {
            let _ = Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)));
        }

        #[test]
        fn no_claims_panic(text in ".{0,20}", id in ".{0,20}", number in any::<f64>()) {
            let identity = format!("{id}{USER_ASSIGNED}{text}");
            read_all(&claims(&json!({ "xms_mirid": identity, "exp": number })));
            read_all(&claims(&json!({ "xms_mirid": text, "upn": id, "exp": text, "aud": [id] })));
        }
    }
}
