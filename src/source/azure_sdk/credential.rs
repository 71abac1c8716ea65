use std::{env::VarError, error::Error as StdError, fmt, io, sync::Arc, time::SystemTime};

use azure_core::{credentials::TokenCredential, error::ErrorKind};

use crate::{
    clock::time_of,
    error::{TokenError, TokenErrorKind, cause},
    excerpt::{Shown, excerpt},
    source::{
        TokenFuture, TokenSource,
        answer::{aadsts, refusal::kind_of, token::bearer},
    },
    token::AccessToken,
};

const NAME: &str = "credential";

/// What constructors panic about, as of azure_identity 1.0 and reqwest 0.13.
const PANICKED: &str = "see the panic's message; the usual reasons are that the system's certificate authorities are \
                        not installed, and an HTTP client with rustls for which no provider was named or installed";

type Factory = dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync;

/// Any credential of the Azure SDK for Rust: certificates, Azure Pipelines, Azure Arc, your own.
///
/// What azure_identity's own credentials are like, up to 1.1, and why the crate has sources of its
/// own beside them:
///
/// - Each keeps its token until five minutes before expiry and cannot be asked for a new one sooner.
///   With [`new`](Self::new) the cache therefore can't refresh early, and an outage of the identity
///   service in those minutes is felt. [`from_factory`](Self::from_factory) makes a new credential
///   for each fetch and so has no such limit.
/// - Managed identity retries for 100 s and more, and goes through `HTTP_PROXY`.
/// - Constructors panic on a machine without certificate authorities.
///
/// ```no_run
/// use azure_identity::ManagedIdentityCredential;
/// use postgres_entra::source::Credential;
///
/// let source = Credential::from_factory(|| Ok(ManagedIdentityCredential::new(None)?));
/// ```
#[derive(Clone)]
pub struct Credential(Origin);

#[derive(Clone)]
enum Origin {
    Instance(Arc<dyn TokenCredential>),
    Factory(Arc<Factory>),
}

impl Credential {
    /// A credential as it is, with its own cache.
    pub fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self(Origin::Instance(credential))
    }

    /// A new credential for each fetch.
    ///
    /// The closure runs on a thread for blocking work, since constructors read files. Let the
    /// credentials share one HTTP transport: then making one takes some 20 µs, else some 5 ms. When it
    /// fails, the error is one of [`Configuration`](TokenErrorKind::Configuration): a variable or a file is
    /// missing.
    pub fn from_factory<F>(factory: F) -> Self
    where
        F: Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    {
        Self(Origin::Factory(Arc::new(factory)))
    }

    async fn credential(&self) -> Result<Arc<dyn TokenCredential>, TokenError> {
        let factory = match &self.0 {
            Origin::Instance(credential) => return Ok(credential.clone()),
            Origin::Factory(factory) => factory.clone(),
        };
        match tokio::task::spawn_blocking(move || factory()).await {
            Ok(made) => made.map_err(|error| not_made(NAME, &error)),
            Err(panic) => Err(TokenError::new(
                TokenErrorKind::Configuration,
                NAME,
                "making the credential panicked",
            )
            .with_hint(PANICKED)
            .with_cause(Shown::of(&panic))),
        }
    }
}

impl TokenSource for Credential {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(async move { fetch(NAME, &*self.credential().await?, scope).await })
    }

    fn name(&self) -> &str {
        NAME
    }
}

/// Shows which credential it is and leaves out its fields, over which this crate has no power.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Origin::Instance(_) => "Credential(instance)",
            Origin::Factory(_) => "Credential(factory)",
        })
    }
}

/// Gets a token from a credential. That azure_identity accepts empty and expired ones, the door of the
/// cache makes good.
pub(super) async fn fetch(
    source: &'static str,
    credential: &dyn TokenCredential,
    scope: &str,
) -> Result<AccessToken, TokenError> {
    let token =
        credential.get_token(&[scope], None).await.map_err(|error| explain(source, &error))?;
    let expires_on = time_of(token.expires_on).unwrap_or(SystemTime::UNIX_EPOCH);
    bearer(source, token.token.secret(), expires_on)
}

/// A credential is made of variables and files, so it takes another setting to make one that failed.
pub(super) fn not_made(source: &'static str, error: &azure_core::Error) -> TokenError {
    with_causes(error, TokenError::new(TokenErrorKind::Configuration, source, shown(error)))
}

/// azure_identity wraps each failure in an error of the kind `Credential`; what happened is inside.
fn explain(source: &'static str, error: &azure_core::Error) -> TokenError {
    let message = shown(error);
    let found = match innermost(error).kind() {
        ErrorKind::HttpResponse { status, error_code, .. } => {
            refused(source, message, u16::from(*status), error_code.as_deref())
        }
        ErrorKind::Io if is_local(error) => {
            TokenError::new(TokenErrorKind::Configuration, source, message)
        }
        ErrorKind::Connection | ErrorKind::Io => {
            TokenError::new(TokenErrorKind::Unreachable, source, message)
        }
        // azure_identity 1.0 gives this for any refusal whose text has an escape in it, so a passing
        // refusal can look like this too; and the text may quote an answer.
        ErrorKind::DataConversion => TokenError::new(
            TokenErrorKind::Unavailable,
            source,
            "the credential could not read the answer of the identity service",
        ),
        _ => TokenError::new(TokenErrorKind::Denied, source, message),
    };
    with_causes(error, found)
}

/// Whether a variable or a file of this machine is missing: azure_identity reports both as it reports
/// a broken connection.
fn is_local(error: &azure_core::Error) -> bool {
    let kind = cause::find::<io::Error>(error).map(io::Error::kind);
    cause::find::<VarError>(error).is_some()
        || matches!(kind, Some(io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied))
}

fn shown(error: &(dyn StdError + 'static)) -> String {
    excerpt(&error.to_string(), &[])
}

fn with_causes(error: &azure_core::Error, found: TokenError) -> TokenError {
    match error.source() {
        Some(cause) => found.with_cause(Shown::of(cause)),
        None => found,
    }
}

fn innermost(error: &azure_core::Error) -> &azure_core::Error {
    cause::all(error).filter_map(|cause| cause.downcast_ref()).last().unwrap_or(error)
}

/// The error code of an Entra refusal is its AADSTS numbers, separated by commas.
fn refused(
    source: &'static str,
    message: String,
    status: u16,
    error_code: Option<&str>,
) -> TokenError {
    let codes = error_code.unwrap_or_default().split(',');
    let codes: Vec<u32> = codes.filter_map(|code| code.trim().parse().ok()).collect();
    let kind = aadsts::find(&codes).map_or_else(|| kind_of(status), |entry| entry.kind);
    let hint = aadsts::hint(&codes);
    let error = TokenError::new(kind, source, message).with_status(status).with_aadsts(codes);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests;
