//! Whether an answer is for the identity that was asked for.
//!
//! Some endpoints don't know the parameter that names a user-assigned identity, and answer for another. Azure Arc's
//! agent says in the answer whose it is, as the other SDKs check it
//! ([source](https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/identity/azure-identity/azure/identity/_credentials/azure_arc.py));
//! the server goes by the token's claims. So the claims decide, and the answer only where they say nothing.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::{TokenError, TokenErrorKind},
    identity::UserAssignedId,
    source::http::Answer,
    token::AccessToken,
};

const ANOTHER: &str = "the token is not of the user-assigned identity that was asked for";

const NOBODY: &str =
    "the answer does not say that the token is of the user-assigned identity that was asked for";

const HINT: &str = "assign that identity here, and update the agent or platform: older ones answer with another \
                    identity's token; or leave the client id out";

/// The fields that say whose token it is, by all the names that endpoints have for them.
#[derive(Deserialize)]
struct Echo {
    client_id: Option<Value>,
    #[serde(alias = "principal_id")]
    object_id: Option<Value>,
    #[serde(alias = "mi_res_id")]
    msi_res_id: Option<Value>,
}

/// The token, if it is of the identity that was asked for.
pub(super) fn confirmed(
    source: &'static str,
    identity: Option<&UserAssignedId>,
    answer: &Answer,
    token: AccessToken,
) -> Result<AccessToken, TokenError> {
    let Some(identity) = identity else { return Ok(token) };
    let refused = |problem| {
        Err(TokenError::new(TokenErrorKind::Denied, source, problem)
            .with_status(answer.status)
            .with_hint(HINT))
    };
    let found = claimed(identity, &token).or_else(|| echoed(identity, &answer.body));
    match found {
        Some(id) if id.eq_ignore_ascii_case(id_of(identity)) => Ok(token),
        Some(_) => refused(ANOTHER),
        None => refused(NOBODY),
    }
}

fn id_of(identity: &UserAssignedId) -> &str {
    match identity {
        UserAssignedId::ClientId(id)
        | UserAssignedId::ObjectId(id)
        | UserAssignedId::ResourceId(id) => id,
    }
}

/// Whose token it is by its claims.
fn claimed(identity: &UserAssignedId, token: &AccessToken) -> Option<String> {
    let claims = token.claims().ok()?;
    let claim = match identity {
        UserAssignedId::ClientId(_) => claims.client_id(),
        UserAssignedId::ObjectId(_) => claims.object_id(),
        UserAssignedId::ResourceId(_) => claims.text("xms_mirid"),
    };
    claim.map(str::to_owned)
}

/// Whose token it is by what stands beside it.
fn echoed(identity: &UserAssignedId, body: &[u8]) -> Option<String> {
    let echo: Echo = serde_json::from_slice(body).ok()?;
    let field = match identity {
        UserAssignedId::ClientId(_) => echo.client_id,
        UserAssignedId::ObjectId(_) => echo.object_id,
        UserAssignedId::ResourceId(_) => echo.msi_res_id,
    };
    field?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    const CLIENT: &str = "11111111-2222-3333-4444-55555555555A";
    const OBJECT: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";
    const RESOURCE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";

    fn identities() -> [UserAssignedId; 3] {
        [
            UserAssignedId::ClientId(CLIENT.into()),
            UserAssignedId::ObjectId(OBJECT.into()),
            UserAssignedId::ResourceId(RESOURCE.into()),
        ]
    }

    /// What becomes of an answer with these fields, and a token with these claims or a dark one.
    fn judge(
        identity: Option<&UserAssignedId>,
        claims: Option<Value>,
        body: &Value,
    ) -> Result<(), String> {
        let text = match claims {
            Some(claims) => format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())),
            None => "dark".to_owned(),
        };
        let token = AccessToken::new(text, SystemTime::now() + Duration::from_secs(60)).unwrap();
        let body = body.to_string().into_bytes().into();
        let answer = Answer { status: 200, retry_after: None, challenge: None, body };
        confirmed("test", identity, &answer, token).map(drop).map_err(|error| {
            assert_eq!((error.kind(), error.status()), (TokenErrorKind::Denied, Some(200)));
            error.to_string()
        })
    }

    #[test]
    fn the_claims_decide_whatever_stands_beside_them() {
        let own = json!({"appid": CLIENT.to_lowercase(), "oid": OBJECT, "xms_mirid": RESOURCE.to_lowercase()});
        let other = json!({"appid": OBJECT, "oid": CLIENT, "xms_mirid": "/subscriptions/s"});
        let echo = json!({"client_id": CLIENT, "object_id": OBJECT, "msi_res_id": RESOURCE});
        let lie = json!({"client_id": "x", "object_id": "x", "msi_res_id": "x"});
        for identity in &identities() {
            assert_eq!(judge(Some(identity), Some(own.clone()), &lie), Ok(()), "{identity:?}");
            let error = judge(Some(identity), Some(other.clone()), &echo).unwrap_err();
            assert!(error.contains("is not of the user-assigned identity"), "{error}");
        }
        let version_2 = json!({"azp": CLIENT});
        assert_eq!(judge(Some(&identities()[0]), Some(version_2), &json!({})), Ok(()));
    }

    #[test]
    fn a_token_that_says_nothing_is_taken_at_the_answers_word() {
        for claims in [None, Some(json!({"aud": "x"}))] {
            for (body, is_confirmed) in [
                (json!({"client_id": CLIENT, "object_id": OBJECT, "msi_res_id": RESOURCE}), true),
                (json!({"client_id": CLIENT, "principal_id": OBJECT, "mi_res_id": RESOURCE}), true),
                (json!({"client_id": "x", "object_id": "x", "msi_res_id": "x"}), false),
                (json!({"client_id": 1, "object_id": [], "msi_res_id": null}), false),
                (json!({}), false),
            ] {
                for identity in &identities() {
                    let judged = judge(Some(identity), claims.clone(), &body);
                    assert_eq!(judged.is_ok(), is_confirmed, "{identity:?} {body}");
                }
            }
        }
        let error = judge(Some(&identities()[0]), None, &json!({})).unwrap_err();
        assert!(error.contains("does not say"), "{error}");
    }

    #[test]
    fn without_an_identity_there_is_nothing_to_confirm() {
        assert_eq!(judge(None, None, &json!({})), Ok(()));
    }
}
