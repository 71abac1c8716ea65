use std::{borrow::Cow, error::Error as StdError, sync::Arc, time::Duration};

use super::text::write_as_problem_and_hint;

/// Why no token could be had.
///
/// Cloning is cheap: all callers that waited for one fetch receive the same error. It never holds a
/// token, client secret or identity header.
///
/// A token source of your own makes one with [`TokenError::new`] and the `with_` methods.
#[derive(Clone)]
pub struct TokenError(Arc<Details>);

#[derive(Clone)]
struct Details {
    kind: TokenErrorKind,
    source_name: Cow<'static, str>,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    status: Option<u16>,
    code: Option<String>,
    aadsts: Vec<u32>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kind of failure it was, and so whether waiting can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The source can't work as it is set up here: a setting has to change.
    Configuration,
    /// The identity service answered, and its answer is final: no such identity, wrong secret, blocked.
    Denied,
    /// The identity service asks to slow down. Transient.
    Throttled,
    /// No connection to the identity service. Transient.
    Unreachable,
    /// The identity service is there and can't answer now. Transient.
    Unavailable,
    /// No answer in time. Transient.
    Timeout,
    /// An answer that can't be understood.
    InvalidResponse,
    /// A token that can't be used: empty, malformed, expired, or issued for another audience.
    InvalidToken,
    /// The fetch ended without a result: it panicked, was aborted, or its runtime ended. Transient.
    Interrupted,
}

impl TokenErrorKind {
    /// Whether the same request may succeed later without any change.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Throttled
            | Self::Unreachable
            | Self::Unavailable
            | Self::Timeout
            | Self::Interrupted => true,
            Self::Configuration | Self::Denied | Self::InvalidResponse | Self::InvalidToken => {
                false
            }
        }
    }
}

impl TokenError {
    /// An error of this kind from the named source. The message is one lower-case clause, without secrets.
    pub fn new(
        kind: TokenErrorKind,
        source_name: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Arc::new(Details {
            kind,
            source_name: source_name.into(),
            message: message.into(),
            hint: None,
            status: None,
            code: None,
            aadsts: Vec::new(),
            trace_id: None,
            correlation_id: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// Adds what the reader should do.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.change(|details| details.hint = Some(hint.into()))
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.change(|details| details.status = Some(status))
    }

    /// Adds the platform's error code, such as `invalid_client`.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        self.change(|details| details.code = Some(code.into()))
    }

    /// Adds Entra's numeric error codes, such as 7000215 for `AADSTS7000215`.
    #[must_use]
    pub fn with_aadsts(self, codes: impl Into<Vec<u32>>) -> Self {
        self.change(|details| details.aadsts = codes.into())
    }

    /// Adds the trace id that Microsoft support asks for.
    #[must_use]
    pub fn with_trace_id(self, id: impl Into<String>) -> Self {
        self.change(|details| details.trace_id = Some(id.into()))
    }

    /// Adds the correlation id that Microsoft support asks for.
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<String>) -> Self {
        self.change(|details| details.correlation_id = Some(id.into()))
    }

    /// Adds how long the service asked to wait.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.change(|details| details.retry_after = Some(wait))
    }

    /// Keeps the cause as a value.
    #[must_use]
    pub fn with_cause(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.change(|details| details.cause = Some(Arc::new(cause)))
    }

    pub(crate) fn with_boxed_cause(self, cause: Box<dyn StdError + Send + Sync>) -> Self {
        self.change(|details| details.cause = Some(Arc::from(cause)))
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// The source that failed, such as `IMDS`.
    pub fn source_name(&self) -> &str {
        &self.0.source_name
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        self.0.hint.as_deref().unwrap_or_else(|| of_kind(self.0.kind))
    }

    /// Whether the hint is one of its own, and not that of its kind.
    pub(crate) fn has_hint(&self) -> bool {
        self.0.hint.is_some()
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The platform's error code, such as `invalid_client`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Entra's numeric error codes: 7000215 for `AADSTS7000215`
    /// ([list](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)).
    pub fn aadsts(&self) -> &[u32] {
        &self.0.aadsts
    }

    /// The trace id that Microsoft support asks for.
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// The correlation id that Microsoft support asks for.
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }

    /// How long the service asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    fn change(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

write_as_problem_and_hint!(TokenError);

impl Details {
    fn codes(&self) -> impl Iterator<Item = String> {
        self.aadsts.iter().map(|code| format!("AADSTS{code}"))
    }
}

impl TokenError {
    pub(crate) fn problem(&self) -> String {
        let Details { source_name, message, .. } = &*self.0;
        match self.facts().join(", ").as_str() {
            "" => format!("{source_name}: {message}"),
            facts => format!("{source_name}: {message} ({facts})"),
        }
    }

    fn facts(&self) -> Vec<String> {
        let details = &self.0;
        let mut facts = Vec::new();
        facts.extend(details.status.map(|status| format!("HTTP {status}")));
        facts.extend(details.code.clone());
        facts.extend(details.codes());
        facts.extend(details.trace_id.as_ref().map(|id| format!("trace id {id}")));
        facts.extend(details.correlation_id.as_ref().map(|id| format!("correlation id {id}")));
        facts
    }
}

impl StdError for TokenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// For errors of the identity service that say nothing better.
pub(super) fn of_kind(kind: TokenErrorKind) -> &'static str {
    match kind {
        TokenErrorKind::Configuration => "change the setting that the message names",
        TokenErrorKind::Denied => {
            "check that the identity exists, and which one the settings or the platform's variables name"
        }
        TokenErrorKind::Throttled => {
            "share one token cache between connections, and try again later"
        }
        TokenErrorKind::Unreachable | TokenErrorKind::Timeout => {
            "check that this machine reaches the identity service: routes, outbound rules, proxies"
        }
        TokenErrorKind::Unavailable | TokenErrorKind::Interrupted => "try again later",
        TokenErrorKind::InvalidResponse => {
            "check that nothing, such as a proxy, answers in the place of the identity service"
        }
        TokenErrorKind::InvalidToken => {
            "a token source has to hand out the bare text of an access token, without quotes or `Bearer`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenError, TokenErrorKind};

    #[test]
    fn display_names_the_source_the_facts_and_the_hint() {
        let error =
            TokenError::new(TokenErrorKind::Denied, "Entra", "invalid client secret provided")
                .with_status(401)
                .with_code("invalid_client")
                .with_aadsts([7_000_215])
                .with_trace_id("t-1")
                .with_hint("set AZURE_POSTGRESQL_CLIENTSECRET to a current secret");
        assert_eq!(
            error.to_string(),
            "Entra: invalid client secret provided (HTTP 401, invalid_client, AADSTS7000215, \
             trace id t-1); set AZURE_POSTGRESQL_CLIENTSECRET to a current secret"
        );
    }

    #[test]
    fn a_clone_keeps_the_cause() {
        let error = TokenError::new(TokenErrorKind::Unreachable, "IMDS", "no connection")
            .with_cause(std::io::Error::other("refused"))
            .clone();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("refused"));
    }
}
