//! What can go wrong, sorted by who has to act.

pub(crate) mod cause;
mod config;
mod connect;
mod hint;
mod rejection;
pub(crate) mod text;
mod tls;
mod token;

use std::time::Duration;

pub use config::{ConfigError, ConfigErrorKind};
pub use connect::ConnectError;
pub(crate) use connect::ServerAnswer;
pub(crate) use rejection::{Meaning, read as read_answer};
pub use rejection::{Rejection, RejectionReason};
pub use tls::{TlsError, TlsErrorKind};
pub use token::{TokenError, TokenErrorKind};

/// Why a connection could not be made.
///
/// Each variant says who must act. `Display` reads `<problem>; <hint>`; the cause is reachable through
/// [`source`](std::error::Error::source), and `Debug` shows it too. No variant holds a token, password or client secret.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is missing, malformed or unsafe: change the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No valid token could be had: the identity or the identity service needs attention.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server's certificate was not accepted, or the server offers no TLS. Nothing secret was sent.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The deadline for the whole connect passed.
    #[error("{}; {}", self.problem(), self.hint())]
    #[non_exhaustive]
    Timeout {
        /// What the connect was waiting for when time ran out.
        stage: Stage,
        /// The deadline that was in force.
        limit: Duration,
        /// The last failed attempt before the deadline, if one failed.
        #[source]
        last: Option<Box<Error>>,
    },
    /// The server answered and refused the login.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The server could not be reached, or the connection broke.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl Error {
    /// Whether the same call may succeed later without any change: outages, throttling, timeouts.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Config(_) | Self::Rejected(_) => false,
            Self::Token(error) => error.is_transient(),
            Self::Tls(error) => error.is_transient(),
            Self::Timeout { .. } => true,
            Self::Connect(error) => error.is_transient(),
        }
    }

    /// Whether a setting has to be changed.
    pub fn is_config(&self) -> bool {
        match self {
            Self::Config(_) => true,
            Self::Token(error) => error.kind() == TokenErrorKind::Configuration,
            _ => false,
        }
    }

    /// Whether the server refused the login.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        text::with_causes(f, self)
    }
}

/// The part of a connect that was going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for a token from the identity service.
    Token,
    /// Building the TLS connector.
    TlsSetup,
    /// Resolving the server's name.
    Dns,
    /// Opening the TCP connection, and asking the server for TLS.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The PostgreSQL login.
    Login,
    /// Pausing before another attempt.
    Backoff,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token => "the token request",
            Self::TlsSetup => "the TLS set-up",
            Self::Dns => "the DNS look-up",
            Self::Tcp => "the TCP connection",
            Self::Tls => "the TLS handshake",
            Self::Login => "the login",
            Self::Backoff => "the pause before another attempt",
        })
    }
}
