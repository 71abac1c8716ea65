use std::io;

use crate::error::text::write_as_problem_and_hint;

/// Why a proxy could not be started.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// A setting of the builder can't be used.
    #[non_exhaustive]
    Setting {
        /// What is wrong.
        problem: String,
        /// What would do.
        hint: &'static str,
    },
    /// The operating system refused something.
    #[non_exhaustive]
    Io {
        /// What was being done.
        step: String,
        /// What to look at.
        hint: &'static str,
        /// The operating system's answer.
        #[source]
        cause: io::Error,
    },
}

write_as_problem_and_hint!(ProxyError);

impl ProxyError {
    pub(super) fn setting(problem: impl Into<String>, hint: &'static str) -> Self {
        Self::Setting { problem: problem.into(), hint }
    }

    pub(super) fn io(
        step: impl Into<String>,
        hint: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { step: step.into(), hint, cause }
    }

    fn problem(&self) -> String {
        match self {
            Self::Setting { problem, .. } => problem.clone(),
            Self::Io { step, .. } => format!("could not {step}"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Setting { hint, .. } | Self::Io { hint, .. } => hint,
        }
    }
}
