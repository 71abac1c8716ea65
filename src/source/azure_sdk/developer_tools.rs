use std::{sync::Arc, time::Duration};

use azure_identity::{DeveloperToolsCredential, DeveloperToolsCredentialOptions};

use super::{bounded_executor::BoundedExecutor, credential};
use crate::{
    error::{TokenError, TokenErrorKind},
    source::{TokenFuture, TokenSource},
    token::AccessToken,
};

const NAME: &str = "developer tools";

/// The Azure CLI takes one to three seconds, and some more on the first call of the day.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The login of the Azure CLI (`az`) or, failing that, of the Azure Developer CLI (`azd`).
///
/// For a developer's machine: the token is that of the person who is logged in, so the PostgreSQL
/// role is theirs as well. [`detect`](super::detect()) never chooses it. Each fetch runs the tool
/// anew and ends it, with the processes it started, when it takes too long or when the fetch is
/// dropped (on Windows the tool's shell alone).
#[derive(Clone, Debug)]
pub struct DeveloperTools {
    timeout: Duration,
}

impl DeveloperTools {
    /// The tools, each with 20 s to answer.
    pub fn new() -> Self {
        Self { timeout: DEFAULT_TIMEOUT }
    }

    /// How long each of the two tools may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let executor = Arc::new(BoundedExecutor::new(self.timeout));
        let options = DeveloperToolsCredentialOptions { executor: Some(executor.clone()) };
        let failure = match DeveloperToolsCredential::new(Some(options)) {
            Ok(credential) => match credential::fetch(NAME, &*credential, scope).await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            },
            Err(error) => credential::not_made(NAME, &error),
        };
        Err(if executor.timed_out() { self.too_slow(failure) } else { failure.with_hint(LOG_IN) })
    }

    fn too_slow(&self, cause: TokenError) -> TokenError {
        let problem = format!("no answer within {} s", self.timeout.as_secs_f32());
        TokenError::new(TokenErrorKind::Timeout, NAME, problem).with_cause(cause)
    }
}

const LOG_IN: &str = "install the Azure CLI and run `az login`, or run `azd auth login`";

impl Default for DeveloperTools {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenSource for DeveloperTools {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(self.fetch(scope))
    }

    fn name(&self) -> &str {
        NAME
    }
}
