use std::{error::Error as StdError, sync::Arc};

use super::text::write_as_problem_and_hint;

/// A setting that is missing, malformed or unsafe.
///
/// Names the variable and what to do, never the value. `Display` reads
/// `<variable>: <problem>; <hint>`.
#[derive(Clone)]
pub struct ConfigError(Box<Details>);

#[derive(Clone)]
struct Details {
    kind: ConfigErrorKind,
    variable: Option<String>,
    problem: String,
    hint: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What is wrong with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// A needed setting is not there.
    Missing,
    /// A setting is there and can't be read.
    Malformed,
    /// A reference to a secret store reached the application unresolved.
    UnresolvedReference,
    /// Two settings contradict each other.
    Conflict,
    /// The setting would send a credential where it must not go.
    Unsafe,
    /// The setting asks for something that can't be had with a token or with this build.
    Unsupported,
}

impl ConfigError {
    /// An error of this kind. Neither text may hold the value of a setting.
    pub(crate) fn new(
        kind: ConfigErrorKind,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self(Box::new(Details {
            kind,
            variable: None,
            problem: problem.into(),
            hint: hint.into(),
            cause: None,
        }))
    }

    /// An error about a setting that can't be read.
    pub(crate) fn malformed(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(ConfigErrorKind::Malformed, problem, hint)
    }

    /// Names the variable that the error is about.
    #[must_use]
    pub(crate) fn in_variable(mut self, name: impl Into<String>) -> Self {
        self.0.variable = Some(name.into());
        self
    }

    /// Keeps the cause. It must not hold the value of a setting.
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> ConfigErrorKind {
        self.0.kind
    }

    /// The variable to change, where the error is about one.
    pub fn variable(&self) -> Option<&str> {
        self.0.variable.as_deref()
    }

    /// What is wrong, after the variable where there is one.
    pub(crate) fn problem(&self) -> String {
        match &self.0.variable {
            Some(variable) => format!("{variable}: {}", self.0.problem),
            None => self.0.problem.clone(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.0.hint
    }
}

write_as_problem_and_hint!(ConfigError);

impl StdError for ConfigError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
