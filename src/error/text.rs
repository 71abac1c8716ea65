//! The one rule by which errors are written.

use std::{error::Error as StdError, fmt};

use super::cause;

/// `Display` and `Debug` of an error type that has the methods `problem` and `hint`.
///
/// `Display` reads `<problem>; <hint>`. `Debug` adds the causes: it is all that a program shows whose
/// `main` returns an error.
macro_rules! write_as_problem_and_hint {
    ($error:ty) => {
        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}; {}", self.problem(), self.hint())
            }
        }

        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::error::text::with_causes(f, self)
            }
        }
    };
}

pub(crate) use write_as_problem_and_hint;

/// An error as a person reads it: its text, and one line for each cause.
pub(crate) fn with_causes(
    f: &mut fmt::Formatter<'_>,
    error: &(dyn StdError + 'static),
) -> fmt::Result {
    write!(f, "{error}")?;
    cause::all(error).try_for_each(|cause| write!(f, "\n  caused by: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::{error::Error as StdError, io};

    use crate::error::{ConfigError, ConnectError, Error, TokenError, TokenErrorKind};

    #[test]
    fn a_main_that_returns_an_error_shows_problem_hint_and_causes() {
        let refused = io::Error::other("refused");
        let token = TokenError::new(TokenErrorKind::Unreachable, "IMDS", "no connection")
            .with_hint("look at the route")
            .with_cause(refused);
        let shown = |error: Box<dyn StdError>| format!("{error:?}");
        assert_eq!(
            shown(Error::from(token).into()),
            "IMDS: no connection; look at the route\n  caused by: refused"
        );
        let missing = ConfigError::malformed("no host", "set a host").in_variable("PGHOST");
        assert_eq!(shown(Error::from(missing).into()), "PGHOST: no host; set a host");
        let lost = ConnectError::new("h", 1, true, io::Error::other(io::Error::other("inner")));
        assert!(shown(lost.into()).ends_with("\n  caused by: inner"));
    }
}
