//! Where tokens come from.

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc};

use crate::{AccessToken, TokenError};

/// What [`TokenSource::fetch_token`] returns.
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// Something that gets a new access token from an identity service.
///
/// A source asks the network each time; caching, sharing and refreshing are the work of
/// [`TokenCache`](crate::TokenCache). Bring your own by implementing this trait, or with
/// [`from_fn`](crate::source::from_fn).
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
