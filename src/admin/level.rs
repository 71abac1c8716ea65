use std::{fmt, str::FromStr};

/// How much a role may do in one schema of a database.
///
/// | on | `Read` | `Write` | `Owner` |
/// |---|---|---|---|
/// | database | CONNECT | CONNECT | ALL PRIVILEGES: CONNECT, CREATE, TEMPORARY |
/// | schema | USAGE | USAGE | ALL PRIVILEGES: USAGE, CREATE |
/// | tables, views | SELECT | SELECT, INSERT, UPDATE, DELETE | ALL PRIVILEGES: also TRUNCATE, REFERENCES, TRIGGER |
/// | sequences | SELECT | USAGE, SELECT | ALL PRIVILEGES: also UPDATE |
///
/// What is granted on tables and sequences holds for those that exist and, by default privileges, for
/// those that are created later. `Owner` runs the statements of Service Connector
/// ([documentation](https://learn.microsoft.com/azure/service-connector/how-to-integrate-postgres)); it
/// doesn't change who owns anything, so it allows no `ALTER` or `DROP` of what others created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// To look at everything.
    Read,
    /// To change rows.
    Write,
    /// To create tables as well.
    Owner,
}

/// What a level grants: the words of the statement, and the privileges that they stand for.
pub(super) struct Rights {
    pub(super) database: Words,
    pub(super) schema: Words,
    pub(super) tables: Words,
    pub(super) sequences: Words,
}

type Words = (&'static str, &'static [&'static str]);

const ALL: &str = "ALL PRIVILEGES";
const CONNECT: Words = ("CONNECT", &["CONNECT"]);
const USAGE: Words = ("USAGE", &["USAGE"]);
const SELECT: Words = ("SELECT", &["SELECT"]);

const READ: Rights = Rights { database: CONNECT, schema: USAGE, tables: SELECT, sequences: SELECT };

const WRITE: Rights = Rights {
    database: CONNECT,
    schema: USAGE,
    tables: ("SELECT, INSERT, UPDATE, DELETE", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    sequences: ("USAGE, SELECT", &["USAGE", "SELECT"]),
};

const OWNER: Rights = Rights {
    database: (ALL, &["CONNECT", "CREATE", "TEMPORARY"]),
    schema: (ALL, &["USAGE", "CREATE"]),
    tables: (ALL, &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]),
    sequences: (ALL, &["USAGE", "SELECT", "UPDATE"]),
};

impl Level {
    pub(super) fn rights(self) -> &'static Rights {
        match self {
            Self::Read => &READ,
            Self::Write => &WRITE,
            Self::Owner => &OWNER,
        }
    }

    /// `read`, `write` or `owner`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of `read`, `write` and `owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a level is read, write or owner")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Read, Self::Write, Self::Owner]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(UnknownLevel)
    }
}
