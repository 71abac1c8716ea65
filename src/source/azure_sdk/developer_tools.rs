use std::{sync::Arc, time::Duration};

use azure_core::credentials::TokenCredential;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, DeveloperToolsCredential, DeveloperToolsCredentialOptions,
    Executor,
};

use super::{bounded_executor::BoundedExecutor, credential};
use crate::{
    error::{TokenError, TokenErrorKind},
    source::{TokenFuture, TokenSource},
    token::AccessToken,
};

/// The Azure CLI takes one to three seconds, and some more on the first call of the day.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The login of the Azure CLI (`az`) or, failing that, of the Azure Developer CLI (`azd`).
///
/// For a developer's machine: the token is that of the person who is logged in, so the PostgreSQL
/// role is theirs as well. [`detect`](crate::source::detect()) chooses it where `AZURE_TOKEN_CREDENTIALS` asks for
/// it. Each fetch runs the tool anew and ends it, with the processes it started, when it takes too long or when the fetch is
/// dropped (on Windows the tool's shell alone).
#[derive(Clone, Debug)]
pub struct DeveloperTools {
    tools: Tools,
    timeout: Duration,
}

/// Which of them are asked.
#[derive(Clone, Copy, Debug)]
enum Tools {
    Both,
    AzureCli,
    AzureDeveloperCli,
}

impl Tools {
    fn name(self) -> &'static str {
        match self {
            Self::Both => "developer tools",
            Self::AzureCli => "Azure CLI",
            Self::AzureDeveloperCli => "Azure Developer CLI",
        }
    }

    /// What to do where there is no login.
    fn remedy(self) -> &'static str {
        match self {
            Self::Both => "install the Azure CLI and run `az login`, or run `azd auth login`",
            Self::AzureCli => "install the Azure CLI and run `az login`",
            Self::AzureDeveloperCli => "install the Azure Developer CLI and run `azd auth login`",
        }
    }

    fn credential(
        self,
        executor: Arc<BoundedExecutor>,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let executor = Some(executor as Arc<dyn Executor>);
        Ok(match self {
            Self::Both => {
                DeveloperToolsCredential::new(Some(DeveloperToolsCredentialOptions { executor }))?
            }
            Self::AzureCli => {
                let options = AzureCliCredentialOptions { executor, ..Default::default() };
                AzureCliCredential::new(Some(options))?
            }
            Self::AzureDeveloperCli => {
                let options = AzureDeveloperCliCredentialOptions { executor, ..Default::default() };
                AzureDeveloperCliCredential::new(Some(options))?
            }
        })
    }
}

impl DeveloperTools {
    /// The tools, each with 20 s to answer.
    pub fn new() -> Self {
        Self { tools: Tools::Both, timeout: DEFAULT_TIMEOUT }
    }

    /// The Azure CLI (`az`) alone.
    pub fn azure_cli() -> Self {
        Self { tools: Tools::AzureCli, ..Self::new() }
    }

    /// The Azure Developer CLI (`azd`) alone.
    pub fn azure_developer_cli() -> Self {
        Self { tools: Tools::AzureDeveloperCli, ..Self::new() }
    }

    /// How long each of the tools may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let executor = Arc::new(BoundedExecutor::new(self.timeout));
        let name = self.tools.name();
        let failure = match self.tools.credential(Arc::clone(&executor)) {
            Ok(credential) => match credential::fetch(name, &*credential, scope).await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            },
            Err(error) => credential::not_made(name, &error),
        };
        Err(if executor.timed_out() {
            self.too_slow(failure)
        } else {
            failure.with_hint(self.tools.remedy())
        })
    }

    fn too_slow(&self, cause: TokenError) -> TokenError {
        let problem = format!("no answer within {} s", self.timeout.as_secs_f32());
        TokenError::new(TokenErrorKind::Timeout, self.tools.name(), problem).with_cause(cause)
    }
}

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
        self.tools.name()
    }
}

/// What it takes a machine without these tools to see, for the list of all errors.
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) fn failures_of_tools() -> [TokenError; 3] {
    [Tools::Both, Tools::AzureCli, Tools::AzureDeveloperCli].map(|tools| {
        TokenError::new(TokenErrorKind::Configuration, tools.name(), "there is no login")
            .with_hint(tools.remedy())
    })
}
