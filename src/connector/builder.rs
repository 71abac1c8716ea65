use std::{sync::Arc, time::Duration};

use super::{
    Connector, Shared,
    driver::driver_config,
    host_guard,
    login::{LoginMethod, Logins},
    servers::Servers,
};
use crate::{
    cache::{RefreshPolicy, TokenCache},
    cloud::Cloud,
    config::{ConnectionNames, Settings},
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, Error},
    identity::Identity,
    source::{self, Asked, CredentialChoice, Detected, TokenSource},
    tls::{PreparedTls, TlsBackend, TlsSetUp},
};

/// How long a connect may take when the builder sets no deadline: long enough for a cold token and a
/// server that is failing over, short enough for a caller to notice.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

/// Puts a [`Connector`] together. Made by [`Connector::builder`].
///
/// Whatever is not set is found the way [`Connector::from_env`] finds it.
#[derive(Debug)]
#[must_use = "a builder does nothing until build() is called"]
pub struct ConnectorBuilder {
    environment: Environment,
    names: ConnectionNames,
    settings: Option<Settings>,
    tokens: Tokens,
    scope: Option<String>,
    policy: RefreshPolicy,
    trusted_hosts: Vec<String>,
    backend: TlsBackend,
    deadline: Duration,
    asks_management_api: bool,
}

/// Where the builder takes tokens from.
#[derive(Debug)]
enum Tokens {
    /// What the identity in the settings asks for.
    Detected,
    /// The same with this credential.
    Chosen(CredentialChoice),
    Source(Arc<dyn TokenSource>),
    Cache(TokenCache),
}

impl ConnectorBuilder {
    pub(super) fn new() -> Self {
        Self {
            environment: Environment::process(),
            names: ConnectionNames::default(),
            settings: None,
            tokens: Tokens::Detected,
            scope: None,
            policy: RefreshPolicy::default(),
            trusted_hosts: Vec::new(),
            backend: TlsBackend::default(),
            deadline: DEFAULT_DEADLINE,
            asks_management_api: false,
        }
    }

    /// Reads variables from here instead of from the process environment.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Reads the variables of another Service Connector connection, or renamed ones.
    pub fn connection_names(mut self, names: ConnectionNames) -> Self {
        self.names = names;
        self
    }

    /// Uses these settings instead of reading them from variables.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(settings);
        self
    }

    /// Takes tokens from this source, whatever identity the settings name.
    pub fn token_source(mut self, source: impl TokenSource) -> Self {
        self.tokens = Tokens::Source(Arc::new(source));
        self
    }

    /// Logs in with this credential, whatever `AZURE_TOKEN_CREDENTIALS` says and whatever identity the
    /// settings name.
    pub fn credential(mut self, choice: CredentialChoice) -> Self {
        self.tokens = Tokens::Chosen(choice);
        self
    }

    /// Shares the token cache of another connector; its scope and refresh policy come with it.
    ///
    /// Identity endpoints limit the requests of a whole machine, so connectors that log in as the
    /// same identity should share one cache. Its scope must be that of the server's cloud, unless the
    /// host is one of those that [`trust_host`](Self::trust_host) names.
    pub fn token_cache(mut self, cache: TokenCache) -> Self {
        self.tokens = Tokens::Cache(cache);
        self
    }

    /// Asks for tokens of this scope instead of the one that the server's cloud has. A host under the
    /// domain of a cloud gets tokens of another scope only if [`trust_host`](Self::trust_host) names it.
    /// No effect with [`token_cache`](Self::token_cache).
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Sets when and how often tokens are renewed.
    pub fn refresh_policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Lets a token go to a host that is not under the domain of its cloud, such as a name of your
    /// own in a private DNS zone. Its certificate must still be valid for that name.
    pub fn trust_host(mut self, host: impl Into<String>) -> Self {
        self.trusted_hosts.push(host.into());
        self
    }

    /// Chooses the TLS library for connections to PostgreSQL where both are compiled in. HTTPS to
    /// Microsoft Entra ID, and sqlx, use native-tls then, whatever this says.
    pub fn tls_backend(mut self, backend: TlsBackend) -> Self {
        self.backend = backend;
        self
    }

    /// Limits one connect as a whole: token, DNS, TCP, TLS, login and retries. 30 s unless set;
    /// zero is refused by [`build`](Self::build). A token request that it interrupts goes on for the next
    /// caller.
    ///
    /// A server that has stopped answering is given up after half of the time left, if more than 6 s are left, and
    /// tried anew. [`connect_timeout`](Settings::connect_timeout) gives it up sooner.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// If the settings name no user and the token neither, asks for a token of the management API
    /// and looks there.
    ///
    /// Off unless set: it is one more token for one more service, and works for user-assigned
    /// managed identities alone. If that request fails, so does the connect, with [`Error::Token`].
    /// Microsoft's samples find the name in the same way
    /// ([source](https://github.com/Azure-Samples/Access-token-refresh-samples)).
    pub fn user_from_management_token(mut self, allowed: bool) -> Self {
        self.asks_management_api = allowed;
        self
    }

    /// Checks everything that can be checked without a connection, and makes the connector.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting is missing, malformed or unsafe, or if no token source fits this
    /// environment.
    pub fn build(self) -> Result<Connector, Error> {
        let settings = self.checked_settings()?;
        let cloud = settings.cloud();
        let (login_method, login_reason) = self.login_method(&settings, cloud)?;
        let management_tokens = match &login_method {
            LoginMethod::Tokens(tokens) if self.asks_management_api => {
                Some(tokens.for_scope(cloud.management_scope()))
            }
            _ => None,
        };
        let user = settings.user().map(str::to_owned);
        Ok(Connector(Arc::new(Shared {
            driver_config: driver_config(&settings),
            servers: Servers::new(&settings),
            tls: PreparedTls::new(TlsSetUp {
                backend: self.backend,
                root_cert: settings.ssl_root_cert().map(Into::into),
                negotiation: settings.ssl_negotiation(),
            }),
            settings,
            logins: Logins::new(login_method, user, management_tokens),
            login_reason,
            backend: self.backend,
            deadline: self.deadline,
        })))
    }

    /// The settings, as far as they can be judged without the identity's token source.
    pub(crate) fn checked_settings(&self) -> Result<Settings, Error> {
        if self.deadline.is_zero() {
            return Err(zero_deadline().into());
        }
        let settings = match self.settings.clone() {
            Some(settings) => settings,
            None => Settings::from_environment(&self.environment, &self.names)?,
        };
        settings.validate()?;
        host_guard::check_hosts(&settings, settings.cloud(), &self.trusted_hosts)?;
        Ok(settings)
    }

    /// What to log in with, and why.
    fn login_method(
        &self,
        settings: &Settings,
        cloud: Cloud,
    ) -> Result<(LoginMethod, String), Error> {
        let method = match (settings.identity(), &self.tokens) {
            (Identity::Password(password), Tokens::Detected) => {
                (LoginMethod::Password(password.clone()), settings.password_reason())
            }
            (Identity::Password(_), _) => return Err(two_credentials().into()),
            (_, Tokens::Cache(cache)) => (
                LoginMethod::Tokens(cache.clone()),
                "the builder was given a token cache".to_owned(),
            ),
            (_, Tokens::Source(source)) => (
                self.cached(Arc::clone(source), cloud),
                "the builder was given a token source".to_owned(),
            ),
            (identity, Tokens::Detected | Tokens::Chosen(_)) => {
                let detected = self.detect(identity, cloud)?;
                let detected = detected.ok_or_else(no_source)?;
                let reason = detected.reason().to_owned();
                (self.cached(Arc::clone(detected.source()), cloud), reason)
            }
        };
        if let (LoginMethod::Tokens(tokens), _) = &method {
            host_guard::check_scope(settings, tokens.scope(), &self.trusted_hosts)?;
        }
        Ok(method)
    }

    fn detect(&self, identity: &Identity, cloud: Cloud) -> Result<Option<Detected>, ConfigError> {
        match self.tokens {
            Tokens::Chosen(choice) => {
                let asked = Some(Asked::by_builder(choice));
                source::detect_as(identity, cloud, &self.environment, asked)
            }
            _ => source::detect(identity, cloud, &self.environment),
        }
    }

    fn cached(&self, source: Arc<dyn TokenSource>, cloud: Cloud) -> LoginMethod {
        let scope = self.scope.as_deref().unwrap_or(cloud.scope());
        LoginMethod::Tokens(TokenCache::with_policy(source, scope, self.policy.clone()))
    }
}

fn two_credentials() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Conflict,
        "the settings hold a password, and the builder was given a credential, token source or cache",
        "remove the password from the settings, or give the builder none of these",
    )
}

fn no_source() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "there is no token source for the identity in the settings",
        "give the builder one with ConnectorBuilder::token_source",
    )
}

fn zero_deadline() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Malformed,
        "the connect deadline is zero",
        "give ConnectorBuilder::deadline more time",
    )
}
