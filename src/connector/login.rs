//! One login: who, with which secret.

use crate::{AccessToken, Rejection, Secret, TokenCache, cache::Acquired};

/// What logins are made with.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    /// A token from this cache.
    Tokens(TokenCache),
    /// The role's own password.
    Password(Secret),
}

/// The name and the secret of one login.
#[derive(Clone, Debug)]
pub(super) struct Login {
    user: String,
    secret: LoginSecret,
}

#[derive(Clone, Debug)]
enum LoginSecret {
    Token { token: AccessToken, from_cache: bool },
    Password(Secret),
}

impl Login {
    pub(super) fn with_token(user: String, acquired: Acquired) -> Self {
        let Acquired { token, from_cache } = acquired;
        Self { user, secret: LoginSecret::Token { token, from_cache } }
    }

    pub(super) fn with_password(user: String, password: Secret) -> Self {
        Self { user, secret: LoginSecret::Password(password) }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// What goes into the password message.
    pub(super) fn password(&self) -> &str {
        match &self.secret {
            LoginSecret::Token { token, .. } => token.secret(),
            LoginSecret::Password(password) => password.expose(),
        }
    }

    /// The token that a refusal casts doubt on: one from the cache, refused for a reason that a newer
    /// one may not meet. A token that was fetched for this very login is as new as any.
    pub(super) fn doubted_by(&self, rejection: &Rejection) -> Option<&AccessToken> {
        match &self.secret {
            LoginSecret::Token { token, from_cache: true }
                if rejection.reason().may_pass_with_new_token() =>
            {
                Some(token)
            }
            _ => None,
        }
    }
}
