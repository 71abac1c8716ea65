//! Which of the four grammars a connection string is written in.

use super::{
    ado_net, jdbc, keywords, libpq,
    parameters::{Pairs, Parameters},
    uri,
};
use crate::error::ConfigError;

/// Reads a connection string in whichever grammar it is written; errors name the variable.
pub(super) fn parse(text: &str, variable: &str) -> Result<Parameters, ConfigError> {
    parse_pairs(text.trim())
        .map(|pairs| Parameters::from_pairs(pairs, variable))
        .map_err(|error| error.in_variable(variable))
}

fn parse_pairs(text: &str) -> Result<Pairs, ConfigError> {
    if jdbc::is_jdbc_url(text) {
        return jdbc::parse(text);
    }
    if let Some(after_scheme) = uri::strip_scheme(text) {
        return uri::parse(after_scheme);
    }
    if has_other_scheme(text) {
        return Err(other_scheme());
    }
    let libpq = libpq::parse(text);
    if libpq.as_ref().is_ok_and(|pairs| is_plausible(pairs, text)) || !looks_like_ado_net(text) {
        return libpq;
    }
    ado_net::parse(text)
}

/// Whether the text begins as a URL does.
fn has_other_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// Whether pairs that libpq would accept are what the writer meant.
///
/// `host=h;port=1` is one pair to libpq, and a quoted libpq password may hold `;`, so the `;` alone
/// tells nothing. But a host can't hold one, and a string in which ADO.NET alone finds a host is
/// ADO.NET.
fn is_plausible(pairs: &Pairs, text: &str) -> bool {
    let mut hosts = pairs.iter().filter(|(keyword, _)| *keyword == "host").peekable();
    if hosts.peek().is_some() {
        return hosts.all(|(_, host)| !host.contains(';'));
    }
    !ado_net::parse(text).is_ok_and(|pairs| pairs.iter().any(|(keyword, _)| *keyword == "host"))
}

/// Whether the first pair is one of ADO.NET: by its keyword, or by the `;` that ends its value.
fn looks_like_ado_net(text: &str) -> bool {
    let Some((name, rest)) = text.trim_start_matches(';').split_once('=') else { return false };
    let name = name.trim();
    if keywords::known(name).is_some() {
        rest.contains(';')
    } else {
        ado_net::is_keyword(name) || rest.contains(';')
    }
}

fn other_scheme() -> ConfigError {
    ConfigError::malformed(
        "the connection string has a scheme that is not one of PostgreSQL",
        "begin it with `postgresql://` or `jdbc:postgresql://`",
    )
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
