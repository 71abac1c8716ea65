//! The door that every token comes through before anybody uses it, whichever source it is from.

use std::time::SystemTime;

use super::AccessToken;
use crate::{
    cloud::resource_of,
    error::{TokenError, TokenErrorKind},
};

impl AccessToken {
    /// The token if it is for the scope and has not expired, with the earlier of its `exp` and the
    /// expiry that was stated beside it. An error is in the name of `source`.
    ///
    /// A token that is no readable JWT is believed: Microsoft may change the format at any time.
    pub(crate) fn admit(
        self,
        source: &str,
        scope: &str,
        now: SystemTime,
    ) -> Result<Self, TokenError> {
        self.check_audience(source, scope)?;
        let token = self.not_after_exp();
        if token.expires_on() <= now {
            let kind = token.kind_of_expiry(now);
            return Err(TokenError::new(kind, source.to_owned(), "the token has already expired")
                .with_hint("check the clock of this machine"));
        }
        Ok(token)
    }

    /// Refuses a token whose claims say that it was issued for another service than the scope's: it
    /// must not be shown to the database server.
    fn check_audience(&self, source: &str, scope: &str) -> Result<(), TokenError> {
        let (Ok(claims), wanted) = (self.claims(), resource_of(scope)) else { return Ok(()) };
        let Some(audience) = claims.audience().filter(|_| !claims.is_for(wanted)) else {
            return Ok(());
        };
        let problem = format!("the token is for the audience {audience:?} and not for {wanted:?}");
        Err(TokenError::new(TokenErrorKind::InvalidToken, source.to_owned(), problem)
            .with_hint(
                "a token source has to ask for the scope that it is given; if it does, check which cloud the \
                 server belongs to",
            ))
    }

    /// The server looks at `exp` alone, whatever the endpoint states beside the token.
    ///
    /// Where the endpoint states a span, that is counted by this machine's clock from the moment that the
    /// token came, while `exp` is by the issuer's: the difference between the two is that of the clocks,
    /// and says nothing about the token.
    fn not_after_exp(self) -> Self {
        match self.exp() {
            Some(exp) if exp < self.expires_on() && !self.life_is_counted() => {
                self.expiring_at(exp)
            }
            _ => self,
        }
    }

    /// The same token with the expiry that its claims state; none if they state none.
    pub(crate) fn until_exp(self) -> Option<Self> {
        let exp = self.exp()?;
        Some(self.expiring_at(exp))
    }

    fn exp(&self) -> Option<SystemTime> {
        self.claims().ok()?.expires_on()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;

    const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn admit(token: AccessToken, scope: &str, now: SystemTime) -> Result<AccessToken, TokenError> {
        token.admit("test", scope, now)
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
            assert!(admit(jwt(&json!({"aud": aud})), SCOPE, at(1000)).is_ok(), "{aud}");
        }
        let other = jwt(&json!({"aud": "https://management.azure.com/"}));
        let error = admit(other, SCOPE, at(1000)).unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::InvalidToken);
        let text = error.to_string();
        assert!(text.contains("https://management.azure.com/"), "{text}");
        assert!(text.contains("https://ossrdbms-aad.database.windows.net"), "{text}");
    }

    #[test]
    fn an_earlier_exp_claim_decides() {
        let token = jwt(&json!({"exp": 1500})).with_refresh_on(at(1200));
        let token = admit(token, SCOPE, at(1000)).unwrap();
        assert_eq!((token.expires_on(), token.refresh_on()), (at(1500), Some(at(1200))));

        let token = admit(jwt(&json!({"exp": 9000})), SCOPE, at(1000)).unwrap();
        assert_eq!(token.expires_on(), at(2000));
    }

    #[test]
    fn an_expired_token_is_refused_by_either_time() {
        for (token, end) in [
            (jwt(&json!({"exp": 1500})), 1500),
            (AccessToken::new("opaque", at(2000)).unwrap(), 2000),
        ] {
            let kind = |now| admit(token.clone(), SCOPE, at(now)).unwrap_err().kind();
            // Just now: another one may be on its way.
            assert_eq!(kind(end), TokenErrorKind::Unavailable);
            assert_eq!(kind(end + 60), TokenErrorKind::InvalidToken);
        }
    }

    #[test]
    fn a_life_that_was_counted_by_our_clock_is_not_shortened_by_the_issuers() {
        let counted = |exp| jwt(&json!({"exp": exp})).with_counted_life();
        // This machine's clock is ahead by more than the token's life.
        let token = admit(counted(500), SCOPE, at(1000)).unwrap();
        assert_eq!(token.expires_on(), at(2000));
        // And once that has passed by our own clock, nothing helps.
        assert!(admit(counted(9000), SCOPE, at(2000)).is_err());
        assert!(admit(jwt(&json!({"exp": 500})), SCOPE, at(1000)).is_err());
    }
}
