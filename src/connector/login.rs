//! One login: who, with which secret.

use super::{Connector, progress::Progress};
use crate::{
    AccessToken, ConfigError, ConfigErrorKind, Error, Rejection, Secret, Stage, TokenCache,
    cache::Acquired, config::check_role_name,
};

/// What logins are made with.
#[derive(Clone, Debug)]
pub(super) enum LoginMethod {
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

    /// Whether the role's own password logs in.
    pub(super) fn is_by_password(&self) -> bool {
        matches!(self.secret, LoginSecret::Password(_))
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

impl Connector {
    /// The name and the secret to log in with.
    pub(super) async fn prepare_login(&self, progress: &Progress) -> Result<Login, Error> {
        match &self.0.parts.login_method {
            LoginMethod::Tokens(tokens) => {
                progress.enter(Stage::Token);
                let acquired = tokens.acquire().await?;
                let user = self.user(&acquired.token).await?;
                Ok(Login::with_token(user, acquired))
            }
            LoginMethod::Password(password) => {
                let user = self.settings().user().ok_or_else(unknown_user)?;
                Ok(Login::with_password(user.to_owned(), password.clone()))
            }
        }
    }

    /// A login with a newer token than the one that the server refused; `None` if there is none.
    pub(super) async fn renewed_login(
        &self,
        refused: &Login,
        rejection: &Rejection,
        progress: &Progress,
    ) -> Option<Login> {
        let doubtful = refused.doubted_by(rejection)?;
        let tokens = self.token_cache()?;
        // The refusal is what the caller has to hear of, should the deadline pass meanwhile.
        progress.failed(rejection.clone().into());
        progress.enter(Stage::Token);
        let acquired = tokens.reacquire(doubtful).await.ok()?;
        let newer = !acquired.token.is_same_as(doubtful);
        newer.then(|| Login::with_token(refused.user().to_owned(), acquired))
    }

    /// The role to log in as. An explicit one always wins, and then no other is looked for.
    async fn user(&self, token: &AccessToken) -> Result<String, Error> {
        if let Some(user) = self.0.parts.settings.user() {
            return Ok(user.to_owned());
        }
        let name = match login_name(token) {
            Some(name) => name,
            None => self.management_name().await?.ok_or_else(unknown_user)?,
        };
        check_role_name(&name)?;
        Ok(name)
    }

    /// The name that a token of the management API carries, looked up once.
    async fn management_name(&self) -> Result<Option<String>, Error> {
        let Some(tokens) = &self.0.parts.management_tokens else { return Ok(None) };
        if let Some(name) = self.0.management_name.get() {
            return Ok(name.clone());
        }
        let token = tokens.token().await?;
        Ok(self.0.management_name.get_or_init(|| login_name(&token)).clone())
    }
}

fn login_name(token: &AccessToken) -> Option<String> {
    token.claims().ok()?.login_name().map(str::to_owned)
}

fn unknown_user() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "no user is set, and the token carries no name to log in with",
        "set the role that was created for this identity: `user` in the connection string, \
         AZURE_POSTGRESQL_USER, or PGUSER (Service Connector names it aad_<connection name>)",
    )
}
