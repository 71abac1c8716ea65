//! One login: who, with which secret.

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use super::progress::Progress;
use crate::{
    cache::{Acquired, TokenCache},
    clock::{Clock, SystemClock},
    config::check_role_name,
    error::{ConfigError, ConfigErrorKind, Error, Rejection, RejectionReason, Stage, TokenError},
    secret::Secret,
    token::AccessToken,
};

/// By so much the server's clock may be ahead of this machine's. A token that it takes for expired, and
/// that has no more than this left, is one that ends; one with more left tells of a clock to be set.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// Expiry is stated in whole seconds.
const AFTER_END: Duration = Duration::from_secs(1);

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

    fn token(&self) -> Option<&AccessToken> {
        match &self.secret {
            LoginSecret::Token { token, .. } => Some(token),
            LoginSecret::Password(_) => None,
        }
    }

    /// A login as the same role.
    fn again_with(&self, acquired: Acquired) -> Self {
        Self::with_token(self.user.clone(), acquired)
    }

    /// A refusal of this login, with what its secret tells about the cause.
    pub(super) fn explain(&self, rejection: Rejection) -> Rejection {
        match &self.secret {
            LoginSecret::Token { token, .. } => rejection.with_token(token),
            LoginSecret::Password(_) => rejection.by_password(),
        }
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

/// Where the logins of one connector come from.
pub(super) struct Logins {
    method: LoginMethod,
    /// The role in the settings. It always wins, and then no other is looked for.
    user: Option<String>,
    /// Tokens of the management API, if they may be asked for the user's name.
    management_tokens: Option<TokenCache>,
    management_name: OnceLock<Option<String>>,
}

impl Logins {
    pub(super) fn new(
        method: LoginMethod,
        user: Option<String>,
        management_tokens: Option<TokenCache>,
    ) -> Self {
        Self { method, user, management_tokens, management_name: OnceLock::new() }
    }

    pub(super) fn method(&self) -> &LoginMethod {
        &self.method
    }

    pub(super) fn tokens(&self) -> Option<&TokenCache> {
        match &self.method {
            LoginMethod::Tokens(tokens) => Some(tokens),
            LoginMethod::Password(_) => None,
        }
    }

    /// What the identity service has answered last to the request for a token that is under way.
    pub(super) fn last_attempt(&self) -> Option<TokenError> {
        let caches = [self.tokens(), self.management_tokens.as_ref()];
        caches.into_iter().flatten().find_map(TokenCache::last_attempt)
    }

    /// Whether the request for a token that is under way brings nothing before the deadline.
    pub(super) fn is_hopeless(&self, deadline: Instant) -> bool {
        self.tokens().is_some_and(|tokens| tokens.is_hopeless(deadline))
    }

    /// The name and the secret to log in with.
    pub(super) async fn next(&self, progress: &Progress) -> Result<Login, Error> {
        match &self.method {
            LoginMethod::Tokens(tokens) => {
                progress.enter(Stage::Token);
                let acquired = tokens.acquire_by(progress.deadline()).await?;
                let user = self.user(&acquired.token).await?;
                Ok(Login::with_token(user, acquired))
            }
            LoginMethod::Password(password) => {
                let user = self.user.clone().ok_or_else(unknown_user)?;
                Ok(Login::with_password(user, password.clone()))
            }
        }
    }

    /// A login with a newer token than the one that the server refused; if there is none, the refusal.
    pub(super) async fn renewed(
        &self,
        refused: &Login,
        mut rejection: Rejection,
        progress: &Progress,
    ) -> Result<Login, Error> {
        let (Some(tokens), Some(token)) = (self.tokens(), refused.token()) else {
            return Err(rejection.into());
        };
        // The refusal is what the caller has to hear of, should the deadline pass meanwhile.
        progress.failed(rejection.clone().into());
        if let Some(doubtful) = refused.doubted_by(&rejection) {
            progress.enter(Stage::Token);
            match tokens.reacquire(doubtful).await {
                Ok(acquired) if !acquired.token.is_same_as(doubtful) => {
                    return Ok(refused.again_with(acquired));
                }
                Ok(Acquired { from_cache: false, .. }) => {
                    rejection = rejection.with_same_token(tokens.source_name());
                }
                Ok(_) | Err(_) => {}
            }
        }
        match wait_for_end(token, &rejection, progress.deadline()) {
            Some(wait) => {
                progress.enter(Stage::Backoff);
                tokio::time::sleep(wait).await;
                progress.enter(Stage::Token);
                Ok(refused.again_with(tokens.acquire_by(progress.deadline()).await?))
            }
            None => Err(rejection.into()),
        }
    }

    /// The role to log in as.
    async fn user(&self, token: &AccessToken) -> Result<String, Error> {
        if let Some(user) = &self.user {
            return Ok(user.clone());
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
        let Some(tokens) = &self.management_tokens else { return Ok(None) };
        if let Some(name) = self.management_name.get() {
            return Ok(name.clone());
        }
        let token = tokens.token().await.map_err(no_name)?;
        Ok(self.management_name.get_or_init(|| login_name(&token)).clone())
    }
}

/// How long to wait for the end of a token that the server takes for expired already: an endpoint that
/// caches hands out the next one only after that.
fn wait_for_end(token: &AccessToken, rejection: &Rejection, deadline: Instant) -> Option<Duration> {
    let now = SystemClock.now();
    let left = token.life_left(now.wall);
    let ends = rejection.reason() == RejectionReason::TokenExpired && left <= CLOCK_DIFFERENCE;
    let wait = left + AFTER_END;
    (ends && now.monotonic + wait < deadline).then_some(wait)
}

fn login_name(token: &AccessToken) -> Option<String> {
    token.claims().ok()?.login_name().map(str::to_owned)
}

/// A request that the caller does not know of has failed: it says what it was for.
fn no_name(error: TokenError) -> TokenError {
    let problem = "the token for the database names no user, and the request for a token of the \
                   management API, which may name one, failed";
    TokenError::new(error.kind(), error.source_name().to_owned(), problem)
        .with_hint(
            "set the user: `user` in the connection string, AZURE_POSTGRESQL_USER, or PGUSER; then no \
             such request is made",
        )
        .with_cause(error)
}

fn unknown_user() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "no user is set, and the token carries no name to log in with",
        "set the role that was created for this identity: `user` in the connection string, \
         AZURE_POSTGRESQL_USER, or PGUSER (Service Connector names it aad_<connection name>)",
    )
}
