//! What is checked about a token before anybody uses it.

use std::time::SystemTime;

use crate::{AccessToken, TokenError};

/// Refuses a token that has expired or is for another audience, and takes over an earlier `exp`.
///
/// A token that is no readable JWT passes: Microsoft may change the format at any time.
pub(super) fn validate(
    source: &'static str,
    token: AccessToken,
    scope: &str,
    now: SystemTime,
) -> Result<AccessToken, TokenError> {
    token.check_audience(source, scope)?;
    let exp = token.claims().ok().and_then(|claims| claims.expires_on());
    let token = not_after(token, exp)?;
    if token.expires_on() <= now {
        let kind = token.kind_of_expiry(now);
        return Err(TokenError::new(kind, source, "the token has already expired")
            .with_hint("check the clock of this machine"));
    }
    Ok(token)
}

/// The server looks at `exp` alone, whatever the endpoint states beside the token.
fn not_after(token: AccessToken, exp: Option<SystemTime>) -> Result<AccessToken, TokenError> {
    let Some(exp) = exp.filter(|exp| *exp < token.expires_on()) else { return Ok(token) };
    let earlier = AccessToken::new(token.secret(), exp)?;
    Ok(match token.refresh_on() {
        Some(refresh_on) if refresh_on < exp => earlier.with_refresh_on(refresh_on),
        _ => earlier,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;
    use crate::TokenErrorKind;

    const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn jwt(payload: &Value) -> AccessToken {
        let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
        AccessToken::new(format!("e30.{payload}.c2ln"), at(2000)).unwrap()
    }

    #[test]
    fn the_audience_must_be_the_resource_with_or_without_a_slash() {
        for aud in [
            json!("https://ossrdbms-aad.database.windows.net"),
            json!("https://ossrdbms-aad.database.windows.net/"),
            json!(null),
            json!(["a", "b"]),
        ] {
            assert!(validate("test", jwt(&json!({"aud": aud})), SCOPE, at(1000)).is_ok(), "{aud}");
        }
        let other = jwt(&json!({"aud": "https://management.azure.com/"}));
        let error = validate("test", other, SCOPE, at(1000)).unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::InvalidToken);
        let text = error.to_string();
        assert!(text.contains("https://management.azure.com/"), "{text}");
        assert!(text.contains("https://ossrdbms-aad.database.windows.net"), "{text}");
    }

    #[test]
    fn an_earlier_exp_claim_decides() {
        let token = jwt(&json!({"exp": 1500})).with_refresh_on(at(1200));
        let token = validate("test", token, SCOPE, at(1000)).unwrap();
        assert_eq!((token.expires_on(), token.refresh_on()), (at(1500), Some(at(1200))));

        let token = validate("test", jwt(&json!({"exp": 9000})), SCOPE, at(1000)).unwrap();
        assert_eq!(token.expires_on(), at(2000));
    }

    #[test]
    fn an_expired_token_is_refused_by_either_time() {
        for (token, end) in [
            (jwt(&json!({"exp": 1500})), 1500),
            (AccessToken::new("opaque", at(2000)).unwrap(), 2000),
        ] {
            let kind = |now| validate("test", token.clone(), SCOPE, at(now)).unwrap_err().kind();
            // Just now: another one may be on its way.
            assert_eq!(kind(end), TokenErrorKind::Unavailable);
            assert_eq!(kind(end + 60), TokenErrorKind::InvalidToken);
        }
    }
}
