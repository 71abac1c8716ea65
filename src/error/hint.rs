//! The two halves of an error's text: what is wrong, and what to do about it.

use super::{Error, Stage, TokenErrorKind};

/// For connections on which nothing answers.
pub(super) const NETWORK: &str = "check that the server's networking settings admit this client: a firewall \
                       rule or, with private access, the private endpoint and the route to it";

impl Error {
    /// What to do about it. `Display` reads `<problem>; <hint>`, except for timeouts, and for token errors
    /// whose hint is a general one.
    pub fn hint(&self) -> &str {
        match self {
            Self::Config(error) => error.fix(),
            Self::Token(error) => error.hint().unwrap_or_else(|| of_kind(error.kind())),
            Self::Tls(error) => error.hint(),
            Self::Timeout { stage, .. } => of_stage(*stage),
            Self::Rejected(rejection) => rejection.hint(),
            Self::Connect(error) => error.hint(),
        }
    }

    /// What is wrong, without the hint and without the causes.
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::Config(error) => error.problem(),
            Self::Token(error) => error.problem(),
            Self::Tls(error) => error.problem(),
            Self::Timeout { .. } => self.to_string(),
            Self::Rejected(rejection) => rejection.problem(),
            Self::Connect(error) => error.problem(),
        }
    }
}

/// For errors of the identity service that say nothing better.
fn of_kind(kind: TokenErrorKind) -> &'static str {
    match kind {
        TokenErrorKind::Configuration => "change the setting that the message names",
        TokenErrorKind::Denied => "check the identity that the settings name",
        TokenErrorKind::Throttled => {
            "share one token cache between connections, and try again later"
        }
        TokenErrorKind::Unreachable | TokenErrorKind::Timeout => {
            "check that this machine reaches the identity service: routes, outbound rules, proxies"
        }
        TokenErrorKind::Unavailable | TokenErrorKind::Interrupted => "try again later",
        TokenErrorKind::InvalidResponse => "check that no proxy stands before the identity service",
        TokenErrorKind::InvalidToken => "check the token source and the clock of this machine",
    }
}

fn of_stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Token => of_kind(TokenErrorKind::Timeout),
        Stage::TlsSetup => "give the connect a longer deadline",
        Stage::Dns => "check that this machine reaches its DNS server",
        Stage::Tcp => NETWORK,
        Stage::Tls | Stage::Login | Stage::Backoff => {
            "check the state of the server, or give the connect a longer deadline"
        }
    }
}
