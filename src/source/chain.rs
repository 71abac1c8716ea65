use std::{fmt, sync::Arc};

use super::{TokenFuture, TokenSource};
use crate::{
    clock::{Clock, SystemClock},
    error::{TokenError, TokenErrorKind},
};

const NAME: &str = "chain";

/// Several sources, asked in order until one gives a token.
///
/// It starts with the first at every fetch: which one answered before does not matter, so a passing
/// problem can't pin an application to the wrong identity. A source that retries for a long time
/// delays those after it; put the quick ones first, and prefer naming the one that is meant.
#[derive(Clone, Debug)]
pub struct Chain(Vec<Arc<dyn TokenSource>>);

impl Chain {
    /// A chain of these sources.
    pub fn new(sources: impl IntoIterator<Item = Arc<dyn TokenSource>>) -> Self {
        Self(sources.into_iter().collect())
    }

    /// Adds a source at the end.
    #[must_use]
    pub fn then(mut self, source: impl TokenSource) -> Self {
        self.0.push(Arc::new(source));
        self
    }
}

impl TokenSource for Chain {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        Box::pin(async move {
            let mut failures = Vec::new();
            for source in &self.0 {
                let answer = source.fetch_token(scope).await;
                let now = SystemClock.now().wall;
                // A token that can't be used is no reason not to ask the next source.
                match answer.and_then(|token| token.admit(source.name(), scope, now)) {
                    Ok(token) => return Ok(token),
                    Err(error) => failures.push(error),
                }
            }
            Err(exhausted(failures))
        })
    }

    fn name(&self) -> &str {
        NAME
    }
}

/// Transient if any attempt was, because waiting may then help.
fn exhausted(failures: Vec<TokenError>) -> TokenError {
    let deciding = failures.iter().find(|error| error.is_transient()).or(failures.last());
    let Some(deciding) = deciding else {
        return TokenError::new(TokenErrorKind::Configuration, NAME, "there is no source to ask")
            .with_hint("add at least one source");
    };
    let error = TokenError::new(
        deciding.kind(),
        NAME,
        format!("none of {} sources gave a token", failures.len()),
    )
    .with_hint(deciding.hint().to_owned());
    // The shortest wait that a source asks for: any of them can give a token.
    match failures.iter().filter_map(TokenError::retry_after).min() {
        Some(wait) => error.with_retry_after(wait).with_cause(Failures(failures)),
        None => error.with_cause(Failures(failures)),
    }
}

/// Every attempt of a chain, in order.
#[derive(Debug)]
struct Failures(Vec<TokenError>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}({}) {error}", index + 1)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failures {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.last().map(|error| error as &dyn std::error::Error)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error,
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::{source::from_fn, token::AccessToken};

    const HOUR: Duration = Duration::from_secs(3600);

    fn failing(kind: TokenErrorKind, name: &'static str) -> impl TokenSource {
        from_fn(move |_| async move { Err(TokenError::new(kind, name, "failed")) })
    }

    #[tokio::test]
    async fn the_first_token_wins() {
        let chain = Chain::new([])
            .then(failing(TokenErrorKind::Denied, "first"))
            .then(from_fn(|_| async { AccessToken::new("expired", SystemTime::UNIX_EPOCH) }))
            .then(from_fn(|scope| async move { AccessToken::new(scope, SystemTime::now() + HOUR) }))
            .then(from_fn(|_| async { AccessToken::new("last", SystemTime::now() + HOUR) }));
        assert_eq!(chain.fetch_token("scope").await.unwrap().secret(), "scope");
    }

    #[tokio::test]
    async fn the_error_reports_every_attempt_and_is_transient_if_one_was() {
        let chain = Chain::new([])
            .then(failing(TokenErrorKind::Timeout, "first"))
            .then(failing(TokenErrorKind::Denied, "second"));
        let error = chain.fetch_token("scope").await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Timeout);
        assert!(
            error.to_string().starts_with("chain: none of 2 sources gave a token; "),
            "{error}"
        );
        let attempts = error.source().unwrap().to_string();
        assert!(attempts.starts_with("(1) first: failed; "), "{attempts}");
        assert!(attempts.contains("; (2) second: failed; "), "{attempts}");
    }

    #[tokio::test]
    async fn a_chain_without_sources_is_a_configuration_error() {
        let error = Chain::new([]).fetch_token("scope").await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration);
    }
}
