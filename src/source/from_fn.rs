use std::fmt;

use super::{TokenFuture, TokenSource};
use crate::{error::TokenError, token::AccessToken};

/// A source of your own, from a closure that takes the scope and fetches a token.
///
/// The closure must ask anew each time: caching is the work of [`TokenCache`](crate::TokenCache).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use postgres_entra::{AccessToken, source::from_fn};
///
/// let source = from_fn(|scope: String| async move {
///     # let ask_the_vault = |_: String| "eyJ0.eyJh.c2ln";
///     let text = ask_the_vault(scope);
///     AccessToken::new(text, SystemTime::now() + Duration::from_secs(3600))
/// });
/// ```
pub fn from_fn<F, Fut>(fetch: F) -> impl TokenSource
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
{
    FromFn(fetch)
}

struct FromFn<F>(F);

impl<F, Fut> TokenSource for FromFn<F>
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
{
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin((self.0)(scope.to_owned()))
    }
}

/// Shows nothing of what the closure holds.
impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}
