use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use hyper::header::{AUTHORIZATION, HeaderValue};
use reqwest::Url;

use super::Selectors;
use crate::{
    background::Background,
    config::value_of,
    environment::Environment,
    error::{ConfigError, TokenError, TokenErrorKind},
    identity::UserAssignedId,
    secret::Secret,
    source::{
        TokenFuture, TokenSource,
        answer::refusal::kind_of,
        http::{Answer, Client, Request, endpoint, exchange, retry},
    },
    token::AccessToken,
};

pub(super) const NAME: &str = "Azure Arc";
const ENDPOINT_VARIABLE: &str = "IDENTITY_ENDPOINT";
const API_VERSION: &str = "2020-06-01";

/// The agent's answers are no longer than a GUID; the Microsoft authentication libraries have the same limit.
const MAX_FILE: u64 = 4096;

const SELECTORS: Selectors =
    Selectors { client_id: "client_id", object_id: "object_id", resource_id: "msi_res_id" };

const PERMISSION: &str = "run as a user of the group himds, who may read the agent's challenge files; in a container, \
                          mount their folder and name it with AzureArc::with_tokens_folder";

const ABSENT: &str = "see with `azcmagent show` whether the agent of Azure Arc runs and listens there; unset \
                      IDENTITY_ENDPOINT and IMDS_ENDPOINT if this is another host";

const STRANGE: &str =
    "this is not how the Azure Arc agent answers: check that IDENTITY_ENDPOINT leads to it";

/// The agent of a machine that is connected to Azure Arc.
///
/// It proves who may ask by a file: the first answer names one that only privileged users of the machine can
/// read, and the second request carries what is in it. The file must lie in the agent's own folder, end in `.key`
/// and hold at most 4096 bytes, so that no other file's content can be asked for. The protocol:
/// [documentation](https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication).
///
/// An agent that does not know user-assigned identities answers with the token of the machine's own; such an
/// answer is refused.
///
/// Requests go straight to the agent over plain HTTP. One fetch retries three times within 7 s, on throttling, server
/// errors and lost connections.
#[derive(Clone, Debug)]
pub struct AzureArc {
    endpoint: Url,
    tokens_folder: PathBuf,
    identity: Option<UserAssignedId>,
}

impl AzureArc {
    /// The machine's own identity at `IDENTITY_ENDPOINT`, by default `http://localhost:40342`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if that variable is not a plain HTTP URL.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let default = || "http://localhost:40342/metadata/identity/oauth2/token".to_owned();
        let endpoint = value_of(environment, ENDPOINT_VARIABLE)?.unwrap_or_else(default);
        let endpoint =
            endpoint::local(&endpoint).map_err(|error| error.in_variable(ENDPOINT_VARIABLE))?;
        Ok(Self { endpoint, tokens_folder: tokens_folder(environment), identity: None })
    }

    /// Asks for this user-assigned identity.
    #[must_use]
    pub fn with_identity(mut self, identity: UserAssignedId) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Looks for the agent's challenge files in this folder in place of its usual one, whatever folder the agent
    /// names: for a container in which that is mounted elsewhere.
    #[must_use]
    pub fn with_tokens_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.tokens_folder = folder.into();
        self
    }

    async fn attempt(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let answer = self.prove_and_ask(scope).await;
        answer.map_err(|error| super::with_advice_on_absence(error, &self.endpoint, ABSENT))
    }

    async fn prove_and_ask(&self, scope: &str) -> Result<AccessToken, TokenError> {
        let challenge =
            exchange(NAME, &Client::Plain, self.request(scope)?, super::ATTEMPT_TIMEOUT);
        let challenge = challenge.await?;
        if challenge.status != 401 {
            return Err(match challenge.is_success() {
                // A token without a proof would be anybody's.
                true => invalid("the agent did not ask for a proof"),
                false => super::refused(NAME, &challenge, &[], kind_of(challenge.status)),
            });
        }
        let key = self.read_key(&challenge).await?;
        let mut request = self.request(scope)?;
        let proof = HeaderValue::try_from(format!("Basic {}", key.expose()));
        let mut proof =
            proof.map_err(|error| invalid("the challenge file holds no key").with_cause(error))?;
        proof.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, proof);
        let (secrets, identity) = ([key.expose()], self.identity.as_ref());
        super::attempt(NAME, &Client::Plain, request, identity, &secrets, kind_of).await
    }

    fn request(&self, scope: &str) -> Result<Request, TokenError> {
        let identity = self.identity.as_ref().map(|identity| (&SELECTORS, identity));
        let mut request = super::request(NAME, &self.endpoint, API_VERSION, scope, identity)?;
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        Ok(request)
    }

    /// What the file holds that the agent names.
    async fn read_key(&self, challenge: &Answer) -> Result<Secret, TokenError> {
        let realm =
            challenge.challenge.as_deref().and_then(|text| text.strip_prefix("Basic realm="));
        let named = realm.ok_or_else(|| invalid("the agent names no challenge file"))?;
        let file = self.checked(Path::new(named.trim_matches('"')))?;
        let reading =
            Background::start("arc-challenge", move || read(&file).map_err(|error| error.kind()));
        let unreadable = |kind: io::ErrorKind| {
            TokenError::new(
                TokenErrorKind::Configuration,
                NAME,
                "the agent's challenge file can't be read",
            )
            .with_hint(PERMISSION)
            .with_cause(io::Error::from(kind))
        };
        let read = reading.map_err(|error| unreadable(error.kind()))?.result().await;
        read.map_err(|_| unreadable(io::ErrorKind::Other))?.map_err(unreadable)
    }

    /// The file, if it is one that the agent can mean: directly in its own folder, and a key.
    fn checked(&self, named: &Path) -> Result<PathBuf, TokenError> {
        let is_key = named.extension().is_some_and(|extension| extension == "key");
        match (named.parent(), named.file_name()) {
            (Some(folder), Some(name)) if is_key && self.is_agents(folder) => {
                Ok(self.tokens_folder.join(name))
            }
            _ => Err(invalid("the agent names a file that is not one of its own")),
        }
    }

    fn is_agents(&self, folder: &Path) -> bool {
        folder == self.tokens_folder || folder == Path::new(DEFAULT_FOLDER)
    }
}

impl TokenSource for AzureArc {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(retry::run(NAME, retry::app_service, move || self.attempt(scope)))
    }

    fn name(&self) -> &str {
        NAME
    }
}

/// The folder on Linux.
const DEFAULT_FOLDER: &str = "/var/opt/azcmagent/tokens";

fn tokens_folder(environment: &Environment) -> PathBuf {
    match environment.get("ProgramData") {
        Some(data) if cfg!(windows) => {
            Path::new(&data).join("AzureConnectedMachineAgent").join("Tokens")
        }
        _ => DEFAULT_FOLDER.into(),
    }
}

/// The key in the file, as it is sent.
fn read(file: &Path) -> io::Result<Secret> {
    let mut key = String::with_capacity(MAX_FILE as usize + 1);
    fs::File::open(file)?.take(MAX_FILE + 1).read_to_string(&mut key)?;
    if key.len() as u64 > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Secret::new(key))
}

fn invalid(problem: &'static str) -> TokenError {
    TokenError::new(TokenErrorKind::InvalidResponse, NAME, problem).with_hint(STRANGE)
}
