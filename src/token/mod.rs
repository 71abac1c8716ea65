//! Access tokens, as values.

mod claims;
mod door;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use claims::{Claims, ClaimsError};

use crate::{
    error::{TokenError, TokenErrorKind},
    secret::Secret,
};

/// A managed identity endpoint hands out the token that it holds until that has expired
/// ([documentation](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#token-caching)),
/// by its clock, which may differ from ours by as much. So a token that ends about now is followed by
/// another soon, and is no reason to give up.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// A Microsoft Entra ID access token, with the times that matter for it.
///
/// Cloning costs a reference count. `Debug` shows the times and never the text; the text is wiped
/// from memory with the last clone.
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

/// Its count of references gets a line of memory to itself: with the text in that line, a processor that
/// clones the token would take the text from all others.
#[derive(Clone)]
#[repr(align(64))]
struct Inner {
    secret: Arc<Secret>,
    expires_on: SystemTime,
    refresh_on: Option<SystemTime>,
    /// Whether the expiry was counted by this machine's clock, from the moment that the token came.
    life_is_counted: bool,
}

impl AccessToken {
    /// A token with the wall-clock time at which it expires.
    ///
    /// # Errors
    ///
    /// [`TokenErrorKind::InvalidToken`] if the text is empty or holds anything that a bearer token
    /// can't hold ([RFC 6750, section 2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
    pub fn new(secret: impl Into<Secret>, expires_on: SystemTime) -> Result<Self, TokenError> {
        let secret = secret.into();
        if !is_bearer_token(secret.expose()) {
            let problem =
                if secret.is_empty() { "the token is empty" } else { "the text is not a token" };
            return Err(TokenError::new(TokenErrorKind::InvalidToken, "token", problem));
        }
        let (secret, life_is_counted) = (Arc::new(secret), false);
        Ok(Self(Arc::new(Inner { secret, expires_on, refresh_on: None, life_is_counted })))
    }

    /// The same token with the time from which the issuer wants it renewed (`refresh_in`).
    #[must_use]
    pub fn with_refresh_on(self, refresh_on: SystemTime) -> Self {
        self.change(|inner| inner.refresh_on = Some(refresh_on))
    }

    /// The same token, whose issuer stated how long it lives and not until when.
    #[must_use]
    pub(crate) fn with_counted_life(self) -> Self {
        self.change(|inner| inner.life_is_counted = true)
    }

    /// The same token with an earlier expiry.
    fn expiring_at(self, expires_on: SystemTime) -> Self {
        self.change(|inner| {
            inner.expires_on = expires_on;
            inner.refresh_on = inner.refresh_on.filter(|refresh_on| *refresh_on < expires_on);
        })
    }

    /// The same token, whose clones are counted apart from those of this one: for threads that clone at
    /// the same time.
    pub(crate) fn counted_apart(&self) -> Self {
        Self(Arc::new((*self.0).clone()))
    }

    fn life_is_counted(&self) -> bool {
        self.0.life_is_counted
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The token's text: what is sent as the password. Keep it out of logs, errors and command lines.
    pub fn secret(&self) -> &str {
        self.0.secret.expose()
    }

    /// When the token expires, by the wall clock.
    pub fn expires_on(&self) -> SystemTime {
        self.0.expires_on
    }

    /// From when the issuer wants the token renewed, if it said so.
    pub fn refresh_on(&self) -> Option<SystemTime> {
        self.0.refresh_on
    }

    /// What is left of the token's life at the given time; zero once it has expired.
    pub fn life_left(&self, now: SystemTime) -> Duration {
        self.0.expires_on.duration_since(now).unwrap_or_default()
    }

    /// What it means if the token can't be used because it expires.
    pub(crate) fn kind_of_expiry(&self, now: SystemTime) -> TokenErrorKind {
        let over_for = now.duration_since(self.0.expires_on).unwrap_or_default();
        if over_for < CLOCK_SKEW {
            TokenErrorKind::Unavailable
        } else {
            TokenErrorKind::InvalidToken
        }
    }

    /// Whether both hold the same text.
    pub fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.secret, &other.0.secret) || self.0.secret == other.0.secret
    }

    /// The token's claims, **not verified**: for names and diagnosis, never for a decision about trust.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`] if the token is not a JSON Web Token. Microsoft may change the format of its
    /// tokens at any time, so treat this as "unknown" and not as a failure.
    pub fn claims(&self) -> Result<Claims, ClaimsError> {
        Claims::of(self.secret())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("secret", &self.0.secret)
            .field("expires_on", &self.0.expires_on)
            .field("refresh_on", &self.0.refresh_on)
            .finish()
    }
}

/// The `b64token` syntax of RFC 6750: letters, digits and `-._~+/`, then any number of `=`.
fn is_bearer_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_bearer_token_is_refused() {
        for text in ["", "=", "a b", "a\0b", "\"a.b.c\"", "a\n", "é"] {
            let error = AccessToken::new(text, SystemTime::UNIX_EPOCH).unwrap_err();
            assert_eq!(error.kind(), TokenErrorKind::InvalidToken, "{text:?}");
        }
        assert!(AccessToken::new("eyJ0.eyJh.c2ln-_=", SystemTime::UNIX_EPOCH).is_ok());
    }

    #[test]
    fn a_token_that_is_counted_apart_is_the_same_and_its_text_is_not_copied() {
        let now = SystemTime::now();
        let token = AccessToken::new("hunter2", now).unwrap().with_refresh_on(now);
        let apart = token.counted_apart();
        assert!(apart.is_same_as(&token) && std::ptr::eq(apart.secret(), token.secret()));
        assert_eq!((apart.expires_on(), apart.refresh_on()), (now, Some(now)));
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let token = AccessToken::new("hunter2", SystemTime::UNIX_EPOCH).unwrap();
        assert!(!format!("{token:?}").contains("hunter2"));
    }
}
