//! Names and texts as parts of SQL statements.

use std::fmt;

use super::AdminError;

/// `NAMEDATALEN - 1`: PostgreSQL cuts longer names off, so two of them could mean the same object
/// ([documentation](https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS)).
const LONGEST_NAME: usize = 63;

/// Why a name can't be that of a role, database or schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameProblem {
    /// There is nothing in it.
    Empty,
    /// It has a NUL character, which PostgreSQL can't store.
    Nul,
    /// It has more than 63 bytes, and the server would cut it off.
    TooLong,
    /// As a role, it stands for everyone (`public`) or for nobody (`none`), also in quotes.
    Reserved,
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Nul => "it has a NUL character",
            Self::TooLong => "it has more than 63 bytes",
            Self::Reserved => "it is reserved, and no role can have it",
        })
    }
}

/// Refuses names that PostgreSQL can't hold as they are.
fn check_name(name: &str) -> Result<(), AdminError> {
    let problem = if name.is_empty() {
        NameProblem::Empty
    } else if name.contains('\0') {
        NameProblem::Nul
    } else if name.len() > LONGEST_NAME {
        NameProblem::TooLong
    } else {
        return Ok(());
    };
    Err(invalid(name, problem))
}

/// Refuses names that no role can have as well. The server reads these two as keywords in quotes too.
pub(super) fn check_role(name: &str) -> Result<(), AdminError> {
    check_name(name)?;
    if matches!(name, "public" | "none") {
        return Err(invalid(name, NameProblem::Reserved));
    }
    Ok(())
}

fn invalid(name: &str, problem: NameProblem) -> AdminError {
    AdminError::InvalidName { name: name.to_owned(), problem }
}

/// A checked name as an identifier. Always in quotes: then case, blanks and keywords don't matter.
pub(super) fn identifier(name: &str) -> Result<String, AdminError> {
    check_name(name)?;
    Ok(quoted(name))
}

/// The same for the name of a role.
pub(super) fn role_identifier(name: &str) -> Result<String, AdminError> {
    check_role(name)?;
    Ok(quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal that means the same whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str) -> NameProblem {
        match identifier(name).unwrap_err() {
            AdminError::InvalidName { problem, .. } => problem,
            error => panic!("{error}"),
        }
    }

    #[test]
    fn every_name_is_quoted() {
        assert_eq!(identifier("orders").unwrap(), r#""orders""#);
        assert_eq!(identifier(r#"o'brien "x" é"#).unwrap(), r#""o'brien ""x"" é""#);
    }

    #[test]
    fn a_name_that_the_server_would_change_is_refused() {
        assert_eq!(problem(""), NameProblem::Empty);
        assert_eq!(problem("a\0b"), NameProblem::Nul);
        assert_eq!(problem(&"x".repeat(64)), NameProblem::TooLong);
        assert_eq!(problem(&"é".repeat(32)), NameProblem::TooLong);
        assert!(identifier(&"x".repeat(63)).is_ok());
    }

    #[test]
    fn a_keyword_for_everyone_or_nobody_is_refused_as_a_role_alone() {
        for name in ["public", "none"] {
            let error = role_identifier(name).unwrap_err();
            let AdminError::InvalidName { problem, .. } = error else { panic!("{error}") };
            assert_eq!(problem, NameProblem::Reserved);
            assert!(identifier(name).is_ok());
        }
        assert_eq!(role_identifier("Public").unwrap(), r#""Public""#);
    }

    #[test]
    fn a_backslash_is_escaped_explicitly() {
        assert_eq!(literal("o'brien"), "'o''brien'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
    }
}
