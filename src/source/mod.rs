//! Where tokens come from.
//!
//! [`detect`] chooses a source from the settings and the environment. Each asks the network whenever
//! it is asked, and retries as its platform recommends; `Debug` never shows a secret.
//!
//! | source | for |
//! |---|---|
//! | [`Imds`] | managed identities of virtual machines, scale sets, AKS nodes, Container Instances on Linux, Azure Spring Apps |
//! | [`AppService`] | managed identities of App Service, Functions, Container Apps |
//! | [`ContainerInstances`] | managed identities of Container Instances on Windows |
//! | [`AzureArc`] | managed identities of machines that are connected to Azure Arc |
//! | [`MsiEndpoint`] | managed identities of Azure Machine Learning, and of App Service before 2019 |
//! | [`CloudShell`] | the person who is signed in to Azure Cloud Shell |
//! | [`ClientSecret`] | a service principal, anywhere |
//! | [`WorkloadIdentity`] | a Kubernetes service account federated with an identity |
//! | `Credential` | any other credential of the Azure SDK (feature `azure-identity`) |
//! | `DeveloperTools` | the Azure CLI's login on a developer's machine (feature `azure-identity`) |
//! | [`Chain`], [`from_fn`] | several sources in order; a source of your own |
//!
//! Every attempt is logged through `tracing` at DEBUG, with the fields `token_source`, `attempt`,
//! `error_kind`, `http_status` and `retry_in_ms`.

mod answer;
mod attempts;
#[cfg(feature = "azure-identity")]
mod azure_sdk;
mod chain;
mod choice;
mod detect;
mod entra;
mod from_fn;
mod http;
mod managed_identity;

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc};

#[cfg(feature = "azure-identity")]
pub use azure_sdk::{Credential, DeveloperTools};
pub use chain::Chain;
pub use choice::{CredentialChoice, UnknownCredential};
pub(crate) use detect::{Asked, detect_as};
pub use detect::{Detected, detect};
pub use entra::{ClientSecret, WorkloadIdentity};
pub use from_fn::from_fn;
pub use managed_identity::{
    AppService, AzureArc, CloudShell, ContainerInstances, Imds, MsiEndpoint,
};

#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) use answer::aadsts::known_codes;
pub(crate) use attempts::{FailedAttempt, heard};
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) use azure_sdk::failures_of_tools;
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) use http::failures_of_https;

use crate::{error::TokenError, token::AccessToken};

/// What [`TokenSource::fetch_token`] returns.
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// Something that gets a new access token from an identity service.
///
/// A source asks the network each time; caching, sharing and refreshing are the work of
/// [`TokenCache`](crate::TokenCache). Bring your own by implementing this trait, or with
/// [`from_fn`].
pub trait TokenSource: Debug + Send + Sync + 'static {
    /// Fetches a token for a scope such as `https://ossrdbms-aad.database.windows.net/.default`.
    ///
    /// Dropping the future abandons the request. A source may retry; the cache bounds one call by its
    /// fetch deadline.
    ///
    /// # Errors
    ///
    /// A [`TokenError`] whose kind says whether waiting can help.
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a>;

    /// A short name for logs and errors, such as `IMDS`.
    fn name(&self) -> &str {
        "custom"
    }
}

impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        (**self).fetch_token(scope)
    }

    fn name(&self) -> &str {
        (**self).name()
    }
}
