//! The one table of keywords, for all origins.
//!
//! A keyword of libpq, the `PG*` variable, Npgsql's keyword and pgjdbc's property of one row state the
//! same thing, and have the same result.

mod advice;
mod table;
mod without_meaning;

pub(in crate::config) use self::advice::{Advice, advice};
use self::table::KEYWORDS;

/// What a parameter means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Treatment {
    /// It becomes part of the settings.
    Read,
    /// It becomes an option for the server, which knows it by the same name.
    Session,
    /// It has no effect on a connection over TCP and TLS without GSSAPI.
    Ignored,
    /// It can't change this login, for this reason, and whoever set it should know.
    Useless(&'static str),
    /// Only these values, in any case, describe what the crate does; others ask for the impossible.
    Only(&'static [&'static str], &'static str),
    /// It can't be honoured, for this reason.
    Unsupported(&'static str),
}

/// One row: a parameter under all of its names.
pub(in crate::config) struct Keyword {
    /// libpq's name for it, else the server's or the crate's own.
    pub(in crate::config) name: &'static str,
    pub(in crate::config) treatment: Treatment,
    /// The variable that libpq reads it from.
    pub(in crate::config) variable: Option<&'static str>,
    /// Whether libpq's strings may hold it.
    in_strings: bool,
    /// Npgsql's keywords, in lower case and without blanks.
    npgsql: &'static [&'static str],
    /// pgjdbc's properties.
    pgjdbc: &'static [&'static str],
}

/// What a word of one origin stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Meaning {
    /// The keyword of this name.
    Keyword(&'static str),
    /// Nothing that a connect has to do with.
    Nothing,
}

/// A word of libpq's strings. Keywords are lower case.
pub(in crate::config) fn of_libpq(word: &str) -> Option<&'static str> {
    find(|row| row.in_strings && row.name == word).map(|row| row.name)
}

/// A keyword of Npgsql, past or present, in any spelling; `None` if it knows none of that name.
pub(in crate::config) fn of_npgsql(word: &str) -> Option<Meaning> {
    let word = squeeze(word);
    match find(|row| row.npgsql.contains(&word.as_str())) {
        Some(row) => Some(Meaning::Keyword(row.name)),
        None => without_meaning::NPGSQL.contains(&word.as_str()).then_some(Meaning::Nothing),
    }
}

/// A property of pgjdbc; `None` if it knows none of that name.
pub(in crate::config) fn of_pgjdbc(word: &str) -> Option<Meaning> {
    match find(|row| row.pgjdbc.contains(&word)) {
        Some(row) => Some(Meaning::Keyword(row.name)),
        None => without_meaning::PGJDBC.contains(&word).then_some(Meaning::Nothing),
    }
}

/// The parameters that libpq reads from variables, with their variables.
pub(in crate::config) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYWORDS.iter().filter_map(|row| Some((row.variable?, row.name)))
}

/// The parameters that become options for the server.
pub(in crate::config) fn of_session() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(|row| row.treatment == Treatment::Session).map(|row| row.name)
}

/// What a keyword means.
pub(in crate::config) fn treatment(name: &str) -> Treatment {
    find(|row| row.name == name).map_or(Treatment::Ignored, |row| row.treatment)
}

/// Whether a text, in whatever spelling, names a password.
pub(in crate::config) fn says_password(word: &str) -> bool {
    let word = squeeze(word);
    ["pass", "pwd", "psw", "secret"].iter().any(|part| word.contains(part))
}

/// How drivers compare words: without case, blanks, hyphens and underscores.
pub(in crate::config) fn squeeze(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_ascii_lowercase()
}

fn find(wanted: impl Fn(&Keyword) -> bool) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|row| wanted(row))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_word_of_an_origin_stands_for_two_parameters() {
        fn assert_distinct<'a>(words: impl Iterator<Item = &'a str>) {
            let mut seen = BTreeSet::new();
            for word in words {
                assert!(seen.insert(word), "{word}");
            }
        }
        assert_distinct(KEYWORDS.iter().map(|row| row.name));
        assert_distinct(KEYWORDS.iter().filter_map(|row| row.variable));
        let npgsql = KEYWORDS.iter().flat_map(|row| row.npgsql);
        assert_distinct(npgsql.chain(without_meaning::NPGSQL).copied());
        let pgjdbc = KEYWORDS.iter().flat_map(|row| row.pgjdbc);
        assert_distinct(pgjdbc.chain(without_meaning::PGJDBC).copied());
    }

    #[test]
    fn words_of_npgsql_are_kept_squeezed() {
        let words = KEYWORDS.iter().flat_map(|row| row.npgsql).chain(without_meaning::NPGSQL);
        for word in words {
            assert_eq!(squeeze(word), **word);
        }
    }
}
