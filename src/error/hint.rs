//! The two halves of an error's text: what is wrong, and what to do about it.

use super::{Error, Stage, TokenErrorKind, token::of_kind};

/// For connections on which nothing answers.
pub(super) const NETWORK: &str = "check that the server's networking settings admit this client: a firewall \
                       rule or, with private access, the private endpoint and the route to it";

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Config(error) => error.hint(),
            Self::Token(error) => error.hint(),
            Self::Tls(error) => error.hint(),
            Self::Timeout { stage, last, .. } => hint_of_timeout(*stage, last.as_deref()),
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
            Self::Timeout { stage, limit, .. } => {
                let limit = rounded(limit.as_secs_f64());
                format!("no connection within {limit} s: the deadline passed during {stage}")
            }
            Self::Rejected(rejection) => rejection.problem(),
            Self::Connect(error) => error.problem(),
        }
    }
}

/// To a tenth of a second, unless it is less: what is left of a deadline is an odd number.
fn rounded(seconds: f64) -> f64 {
    let steps = if seconds < 0.1 { 1000.0 } else { 10.0 };
    (seconds * steps).round() / steps
}

fn of_stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Token => of_kind(TokenErrorKind::Timeout),
        Stage::TlsSetup => {
            "the certificate authorities were not read in time: check the file in PGSSLROOTCERT or \
             sslrootcert and where it lies, or give the connect a longer deadline"
        }
        Stage::Dns => "check that this machine reaches its DNS server",
        Stage::Tcp => NETWORK,
        Stage::Tls | Stage::Backoff => {
            "check the state of the server, or give the connect a longer deadline"
        }
        Stage::Login => {
            "check the state of the server (behind PgBouncer, on port 6432, that of the server that it \
             leads to), or give the connect a longer deadline"
        }
    }
}

/// What failed before knows better than where the time ran out.
pub(super) fn hint_of_timeout(stage: Stage, last: Option<&Error>) -> &str {
    last.map_or_else(|| of_stage(stage), Error::hint)
}
