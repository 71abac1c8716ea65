use std::io;

/// Why a proxy could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// A setting of the builder can't be used.
    #[error("{problem}; {hint}")]
    #[non_exhaustive]
    Setting {
        /// What is wrong.
        problem: String,
        /// What would do.
        hint: &'static str,
    },
    /// The operating system refused something.
    #[error("could not {step}; {hint}")]
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

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Setting { hint, .. } | Self::Io { hint, .. } => hint,
        }
    }
}
