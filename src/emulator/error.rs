use std::{error::Error as StdError, io};

use tokio::task::JoinError;

use crate::error::text::write_as_problem_and_hint;

/// Why the local Azure could not be started or could not do what was asked. `Display` reads
/// `<problem>; <hint>`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// No PostgreSQL server programs were found on this machine.
    PostgresNotFound,
    /// A setting of the builder or the variable `POSTGRES_ENTRA_PG_BIN` can't be used.
    #[non_exhaustive]
    Setting {
        /// What can't be used, and the variable that holds it, if one does.
        problem: String,
        /// What would do.
        hint: String,
    },
    /// The operating system refused something.
    #[non_exhaustive]
    Io {
        /// What was being done.
        step: String,
        /// The operating system's answer.
        #[source]
        cause: io::Error,
    },
    /// A key or certificate could not be made.
    #[non_exhaustive]
    Crypto {
        /// What was being made.
        what: &'static str,
        /// The cryptography library's answer.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The PostgreSQL server did not come up.
    #[non_exhaustive]
    Cluster {
        /// What it was to do.
        step: &'static str,
        /// The last lines that `initdb` or the server logged.
        log: String,
    },
    /// The PostgreSQL server refused a statement.
    Sql(#[source] tokio_postgres::Error),
    /// The local Azure stopped before it had answered.
    Stopped,
}

write_as_problem_and_hint!(EmulatorError);

impl EmulatorError {
    fn problem(&self) -> String {
        match self {
            Self::PostgresNotFound => "no PostgreSQL server programs were found".to_owned(),
            Self::Setting { problem, .. } => problem.clone(),
            Self::Io { step, .. } => format!("could not {step}"),
            Self::Crypto { what, .. } => format!("could not create {what}"),
            Self::Cluster { step, log } => {
                format!("the PostgreSQL server did not {step}, and its log ends:\n{log}\n")
            }
            Self::Sql(_) => "the PostgreSQL server refused the statement".to_owned(),
            Self::Stopped => "the local Azure has stopped".to_owned(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::PostgresNotFound => {
                "install them with `sudo apt-get install -y postgresql` (Debian, Ubuntu) or \
                 `brew install postgresql@17` (macOS), or name their folder in POSTGRES_ENTRA_PG_BIN"
            }
            Self::Setting { hint, .. } => hint,
            Self::Io { .. } => "see the operating system's answer, which is the cause",
            Self::Crypto { .. } => "see the cryptography library's answer, which is the cause",
            Self::Cluster { .. } => "mend what the log names",
            Self::Sql(_) => "see the server's own error, which is the cause",
            Self::Stopped => "start another",
        }
    }

    pub(crate) fn io(step: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { step: step.into(), cause }
    }

    pub(crate) fn setting(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Setting { problem: problem.into(), hint: hint.into() }
    }

    /// A panic is tokio's, for want of a thread: what runs there does not panic itself.
    pub(crate) fn no_task(error: JoinError) -> Self {
        if error.is_panic() {
            Self::io("start a thread for the local Azure")(io::Error::other(error))
        } else {
            Self::Stopped
        }
    }

    pub(crate) fn crypto<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        move |cause| Self::Crypto { what, cause: cause.into() }
    }
}
