use std::{error::Error as StdError, io};

use tokio::task::JoinError;

/// Why the local Azure could not be started or could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// No PostgreSQL server programs were found on this machine.
    #[error(
        "no PostgreSQL server programs were found; install them with \
         `sudo apt-get install -y postgresql` (Debian, Ubuntu) or \
         `brew install postgresql@17` (macOS), or name their folder in POSTGRES_ENTRA_PG_BIN"
    )]
    PostgresNotFound,
    /// A setting of the builder or the variable `POSTGRES_ENTRA_PG_BIN` can't be used.
    #[error("{problem}; {hint}")]
    #[non_exhaustive]
    Setting {
        /// What can't be used, and the variable that holds it, if one does.
        problem: String,
        /// What would do.
        hint: String,
    },
    /// The operating system refused something.
    #[error("could not {step}")]
    #[non_exhaustive]
    Io {
        /// What was being done.
        step: String,
        /// The operating system's answer.
        #[source]
        cause: io::Error,
    },
    /// A key or certificate could not be made.
    #[error("could not create {what}")]
    #[non_exhaustive]
    Crypto {
        /// What was being made.
        what: &'static str,
        /// The cryptography library's answer.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The PostgreSQL server did not come up.
    #[error("the PostgreSQL server did not {step}; its log ends:\n{log}")]
    #[non_exhaustive]
    Cluster {
        /// What it was to do.
        step: &'static str,
        /// The last lines that `initdb` or the server logged.
        log: String,
    },
    /// The PostgreSQL server refused a statement.
    #[error("the PostgreSQL server refused the statement")]
    Sql(#[source] tokio_postgres::Error),
    /// The local Azure stopped before it had answered.
    #[error("the local Azure has stopped")]
    Stopped,
}

impl EmulatorError {
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
