use std::{fmt, str::FromStr};

use crate::error::text::write_as_problem_and_hint;

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
/// those that are created later. `Owner` is what Service Connector grants
/// ([documentation](https://learn.microsoft.com/azure/service-connector/how-to-integrate-postgres)), and
/// the schema and what is created later as well. It doesn't change who owns anything, so it allows no
/// `ALTER` or `DROP` of what others created.
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

/// What a level grants.
pub(super) struct Rights {
    pub(super) database: Privileges,
    pub(super) schema: Privileges,
    pub(super) tables: Privileges,
    pub(super) sequences: Privileges,
}

/// Privileges on one kind of object.
pub(super) struct Privileges {
    /// The words of the statement.
    pub(super) words: &'static str,
    /// What they stand for.
    pub(super) names: &'static [&'static str],
}

const fn privileges(words: &'static str, names: &'static [&'static str]) -> Privileges {
    Privileges { words, names }
}

const ALL: &str = "ALL PRIVILEGES";
const CONNECT: Privileges = privileges("CONNECT", &["CONNECT"]);
const USAGE: Privileges = privileges("USAGE", &["USAGE"]);
const SELECT: Privileges = privileges("SELECT", &["SELECT"]);

const READ: Rights = Rights { database: CONNECT, schema: USAGE, tables: SELECT, sequences: SELECT };

const WRITE: Rights = Rights {
    database: CONNECT,
    schema: USAGE,
    tables: privileges("SELECT, INSERT, UPDATE, DELETE", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    sequences: privileges("USAGE, SELECT", &["USAGE", "SELECT"]),
};

const OWNER: Rights = Rights {
    database: privileges(ALL, &["CONNECT", "CREATE", "TEMPORARY"]),
    schema: privileges(ALL, &["USAGE", "CREATE"]),
    tables: privileges(
        ALL,
        &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
    ),
    sequences: privileges(ALL, &["USAGE", "SELECT", "UPDATE"]),
};

impl Privileges {
    /// Whether the words stand for this one too. Newer servers have more of them for `ALL PRIVILEGES`.
    pub(super) fn include(&self, name: &str) -> bool {
        self.words == ALL || self.names.contains(&name)
    }
}

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

/// The text is none of `read`, `write` and `owner`. `Display` reads `<problem>; <hint>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnknownLevel;

impl UnknownLevel {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        "write read, write or owner"
    }

    fn problem(self) -> &'static str {
        "the text is no level"
    }
}

write_as_problem_and_hint!(UnknownLevel);

impl std::error::Error for UnknownLevel {}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Read, Self::Write, Self::Owner]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(UnknownLevel)
    }
}
