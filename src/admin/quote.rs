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
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Nul => "it has a NUL character",
            Self::TooLong => "it has more than 63 bytes",
        })
    }
}

/// Refuses names that PostgreSQL can't hold as they are.
pub(super) fn check_name(name: &str) -> Result<(), AdminError> {
    let problem = if name.is_empty() {
        NameProblem::Empty
    } else if name.contains('\0') {
        NameProblem::Nul
    } else if name.len() > LONGEST_NAME {
        NameProblem::TooLong
    } else {
        return Ok(());
    };
    Err(AdminError::InvalidName { name: name.to_owned(), problem })
}

/// A checked name as an identifier. Always in quotes: then case, blanks and keywords don't matter.
pub(super) fn identifier(name: &str) -> Result<String, AdminError> {
    check_name(name)?;
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
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
    fn a_backslash_is_escaped_explicitly() {
        assert_eq!(literal("o'brien"), "'o''brien'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
    }
}
