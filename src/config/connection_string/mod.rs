//! Connection strings: which of the four grammars one is written in, and what it states in libpq's
//! terms.

mod ado_net;
mod authority;
mod jdbc;
mod libpq;
mod percent;
mod uri;
mod wrapped;

pub(super) use self::jdbc::is_for_another_database;
use super::parameters::{MOST_NAMED, Pairs, Parameters, check_resolved, check_text, keywords};
use crate::error::{ConfigError, ConfigErrorKind};

/// Reads a connection string in whichever grammar it is written; errors name the variable.
pub(super) fn parse(text: &str, variable: &str) -> Result<Parameters, ConfigError> {
    read(parse_pairs, text, variable)
}

/// Reads a JDBC URL.
pub(super) fn parse_jdbc_url(text: &str, variable: &str) -> Result<Parameters, ConfigError> {
    read(jdbc_url, text, variable)
}

/// What a variable states. It must state something: one that is set and says nothing would leave the
/// word to the next, which may mean another database.
fn read(
    grammar: fn(&str) -> Result<Pairs, ConfigError>,
    text: &str,
    variable: &str,
) -> Result<Parameters, ConfigError> {
    check_text(text, variable)?;
    let pairs = grammar(text).map_err(|error| error.in_variable(variable))?;
    for (keyword, value) in &pairs {
        check_resolved(value, *keyword == "password", variable)?;
    }
    let host = pairs.iter().rev().find(|(keyword, _)| *keyword == "host");
    if host.is_some_and(|(_, host)| host.trim().is_empty()) {
        return Err(empty_host().in_variable(variable));
    }
    let mut parameters = Parameters::from_pairs(pairs, variable);
    if parameters.is_empty() {
        return Err(states_nothing().in_variable(variable));
    }
    if jdbc::is_jdbc_url(text.trim()) {
        let unknown = jdbc::unknown_properties(text).take(MOST_NAMED);
        unknown.for_each(|name| parameters.leave_out(name, variable));
    }
    Ok(parameters)
}

fn jdbc_url(text: &str) -> Result<Pairs, ConfigError> {
    let text = text.trim();
    check_line_breaks(text)?;
    without_separator(jdbc::parse(text)?)
}

fn parse_pairs(text: &str) -> Result<Pairs, ConfigError> {
    let trimmed = text.trim();
    if jdbc::is_jdbc_url(trimmed) {
        return jdbc_url(trimmed);
    }
    if let Some(after_scheme) = uri::strip_scheme(trimmed) {
        check_line_breaks(trimmed)?;
        return without_separator(uri::parse(after_scheme)?);
    }
    if let Some(error) = wrapped::refusal(trimmed) {
        return Err(error);
    }
    // Not trimmed: the last blank may be part of a password, if a backslash precedes it.
    let libpq = libpq::parse(text);
    let is_plain = libpq.is_ok() && !libpq::holds_separator(text);
    if is_plain || !looks_like_ado_net(text) {
        return libpq;
    }
    match (ado_net::parse(text), libpq) {
        (Err(_), Ok(pairs)) if pairs.len() > 1 => Err(two_separators()),
        (ado_net, _) => ado_net,
    }
}

fn check_line_breaks(url: &str) -> Result<(), ConfigError> {
    if url.contains(['\n', '\r']) {
        let fix = "write it on one line, and a line break in a value as `%0A`";
        return Err(ConfigError::malformed("the URL holds a line break", fix));
    }
    Ok(())
}

/// The pairs of a URL, unless a value goes on as an ADO.NET string or a URL of SQL Server does, or as a
/// query without its `?`: the user or the password would be a part of it, and be shown with it.
fn without_separator(pairs: Pairs) -> Result<Pairs, ConfigError> {
    let goes_on = |value: &str| value.split([';', '&']).skip(1).any(begins_with_keyword);
    if pairs.iter().any(|(keyword, value)| *keyword != "password" && goes_on(value)) {
        return Err(ConfigError::malformed(
            "a value in the URL goes on with another pair",
            "write the pairs after a `?` and with `&` between them",
        ));
    }
    Ok(pairs)
}

/// Whether a text begins with a pair of libpq or ADO.NET.
fn begins_with_keyword(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| is_keyword(name))
}

/// Whether a word is a keyword of libpq or ADO.NET, in any case.
fn is_keyword(word: &str) -> bool {
    libpq::knows(&word.to_ascii_lowercase()) || keywords::of_npgsql(word).is_some()
}

/// Whether the first pair is one of ADO.NET: by its keyword, or by the `;` that ends its value.
fn looks_like_ado_net(text: &str) -> bool {
    let Some((name, rest)) = text.trim_start_matches(';').split_once('=') else { return false };
    let name = name.trim();
    if keywords::of_libpq(name).is_some() {
        rest.contains(';')
    } else {
        keywords::of_npgsql(name).is_some() || rest.contains(';')
    }
}

fn states_nothing() -> ConfigError {
    ConfigError::malformed("states nothing", "state host, user and database in it, or unset it")
}

fn empty_host() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "states a host that is empty",
        "state the server's name, or leave the keyword out",
    )
}

fn two_separators() -> ConfigError {
    ConfigError::malformed(
        "the connection string separates its pairs both with blanks and with `;`, so that its host \
         can't be told",
        "use blanks alone (`host=h user=u`) or `;` alone (`Host=h;Username=u`), and quote a value that \
         holds either",
    )
}

/// What the pairs state for a keyword.
#[cfg(test)]
fn stated(pairs: Pairs, keyword: &str) -> Option<String> {
    let parameters = Parameters::from_pairs(pairs, "TEST");
    parameters.get(keyword).map(|parameter| parameter.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn value(text: &str, keyword: &str) -> Option<String> {
        parse(text, "TEST").unwrap().get(keyword).map(|parameter| parameter.value.to_string())
    }

    #[test]
    fn each_grammar_is_recognised() {
        let cases = [
            "host=h user=u",
            "user=u host='h'",
            "Host=h;Username=u",
            "host=h;username=u",
            "host=h;user id=u",
            "port=1;user id=u;server=h",
            "Server=h;User Id=u;",
            "postgres://u@h",
            " postgresql://h?user=u\n",
            "jdbc:postgresql://h/?user=u",
        ];
        for text in cases {
            assert_eq!(value(text, "host").as_deref(), Some("h"), "{text}");
            assert_eq!(value(text, "user").as_deref(), Some("u"), "{text}");
        }
    }

    #[test]
    fn a_semicolon_in_a_libpq_value_does_not_make_it_ado_net() {
        for text in ["host=h password='a;b=c'", "password='a;host=x' host=h", "host=h password=a;b"]
        {
            assert_eq!(value(text, "host").as_deref(), Some("h"), "{text}");
            assert!(value(text, "password").unwrap().starts_with("a;"), "{text}");
        }
    }

    #[test]
    fn pairs_that_are_separated_in_two_ways_are_refused() {
        let cases = [
            ("user=u dbname=d host=h;", "`;` alone"),
            ("user=u host=h;", "`;` alone"),
            ("host=h; user=u", "`;` alone"),
            ("host=h user=u;", "`;` alone"),
            ("Username=u password=p;Host=h", "`;` alone"),
            ("host=h password=p x;host=other", "`;` alone"),
            ("Host=h user=u;Host=other", "`;` alone"),
            ("user=u;host=h", "`Username`"),
            ("host=h;port=1;dbname=d;user=u;password=p", "`Database`"),
            ("user=u;dbname=d;password=p", "`Username`"),
            ("host=h password=p;user=u", "`;` alone"),
        ];
        for (text, fix) in cases {
            let error = parse(text, "TEST").err().unwrap_or_else(|| panic!("{text} was accepted"));
            assert!(error.to_string().contains(fix), "{text}: {error}");
            assert!(error.to_string().contains(';'), "{text}: {error}");
        }
    }

    #[test]
    fn a_string_that_states_nothing_is_refused() {
        for text in ["postgres://", "postgresql:///?", "jdbc:postgresql:///", "Pooling=true;"] {
            let error = parse(text, "TEST").err().unwrap_or_else(|| panic!("{text} was accepted"));
            assert!(error.to_string().contains("states nothing"), "{text}: {error}");
        }
        for text in [
            "Host=;Username=u",
            "Host=h;Server=",
            "host='' user=u",
            "postgres://u@h?host=",
            "jdbc:postgresql://h/?PGHOST=",
        ] {
            let error = parse(text, "TEST").err().unwrap_or_else(|| panic!("{text} was accepted"));
            assert!(error.to_string().contains("host that is empty"), "{text}: {error}");
        }
    }

    #[test]
    fn an_error_speaks_of_the_grammar_that_was_meant() {
        let cases = [
            ("host=h usr=u", "libpq knows no parameter `usr`"),
            ("host='h", "closing quote"),
            ("contoso.postgres.database.azure.com", "not followed by `=`"),
            ("Host=h;User Id='u", "ADO.NET"),
            ("mysql://u@h/d", "begin it with `postgresql://`"),
            ("jdbc:mysql://h/d", "jdbc:postgresql"),
        ];
        for (text, problem) in cases {
            let error = parse(text, "SOME_NAME").err().unwrap();
            assert!(error.to_string().contains(problem), "{text}: {error}");
            assert_eq!(error.variable(), Some("SOME_NAME"), "{text}");
        }
    }
}
