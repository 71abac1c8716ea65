//! What kind of error it was, for programs that read a report.

use std::fmt::Debug;

use crate::error::Error;

/// The variant of the error and what it says of itself, such as `token.denied` or `tls.certificate`.
pub(super) fn kind(error: &Error) -> String {
    match error {
        Error::Config(error) => of("config", error.kind()),
        Error::Token(error) => of("token", error.kind()),
        Error::Tls(error) => of("tls", error.kind()),
        Error::Timeout { stage, .. } => of("timeout", stage),
        Error::Rejected(rejection) => of("rejected", rejection.reason()),
        Error::Connect(_) => "connect".to_owned(),
    }
}

fn of(room: &str, variant: impl Debug) -> String {
    format!("{room}.{}", snake_case(&format!("{variant:?}")))
}

fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{
        ConfigError, ConfigErrorKind, ConnectError, Rejection, TlsError, TlsErrorKind, TokenError,
        TokenErrorKind,
    };

    #[test]
    fn each_error_has_its_kind() {
        let cases: [(Error, &str); 5] = [
            (
                ConfigError::new(ConfigErrorKind::UnresolvedReference, "", "").into(),
                "config.unresolved_reference",
            ),
            (TokenError::new(TokenErrorKind::Denied, "s", "m").into(), "token.denied"),
            (TlsError::new(TlsErrorKind::NotOffered, None, None).into(), "tls.not_offered"),
            (Rejection::new("3D000", "", "u").into(), "rejected.database_missing"),
            (ConnectError::new("h", 1, true, "refused").into(), "connect"),
        ];
        for (error, expected) in cases {
            assert_eq!(kind(&error), expected);
        }
    }
}
