//! libpq's URIs: `postgresql://user@host:5432/database?sslmode=require`
//! ([grammar](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS)).

use super::{authority::host_and_port_lists, libpq, percent::decode};
use crate::{config::parameters::Pairs, error::ConfigError};

/// The text after the scheme, if the text is such a URI.
pub(super) fn strip_scheme(text: &str) -> Option<&str> {
    ["postgresql://", "postgres://"].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// Reads what follows the scheme, by the rules of libpq's `conninfo_uri_parse`.
pub(super) fn parse(after_scheme: &str) -> Result<Pairs, ConfigError> {
    if after_scheme.contains(|c: char| c.is_ascii_whitespace()) {
        return Err(raw_blank());
    }
    let mut pairs = Pairs::new();
    let (credentials, rest) = split_credentials(after_scheme)?;
    push_credentials(credentials, &mut pairs)?;
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = location.split_once('/').unwrap_or((location, ""));
    let (hosts, ports) = host_and_port_lists(authority)?;
    push_decoded("host", &hosts, &mut pairs)?;
    push_decoded("port", &ports, &mut pairs)?;
    push_decoded("dbname", database, &mut pairs)?;
    // An `@` behind the first `/` or `?` tells that one of them stands in a password.
    let torn_apart = query.contains('@');
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let pair = query_parameter(parameter, &pairs);
        pairs.push(pair.map_err(|error| if torn_apart { raw_delimiter() } else { error })?);
    }
    Ok(pairs)
}

/// Splits at the first `@` before the first `/`, as libpq does, and refuses what libpq would take
/// for a host or a database although it is part of the credentials.
fn split_credentials(text: &str) -> Result<(&str, &str), ConfigError> {
    let authority = &text[..text.find('/').unwrap_or(text.len())];
    let (credentials, rest) = match authority.split_once('@') {
        Some((credentials, _)) => (credentials, &text[credentials.len() + 1..]),
        None => ("", text),
    };
    let user = credentials.split(':').next().unwrap_or_default();
    let location = rest.split('?').next().unwrap_or_default();
    if user.contains('?') || location.contains('@') {
        return Err(raw_delimiter());
    }
    Ok((credentials, rest))
}

fn push_credentials(credentials: &str, pairs: &mut Pairs) -> Result<(), ConfigError> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    push_decoded("user", user, pairs)?;
    push_decoded("password", password, pairs)
}

fn push_decoded(
    keyword: &'static str,
    encoded: &str,
    pairs: &mut Pairs,
) -> Result<(), ConfigError> {
    if !encoded.is_empty() {
        pairs.push((keyword, decode(encoded)?));
    }
    Ok(())
}

fn query_parameter(text: &str, before: &Pairs) -> Result<(&'static str, String), ConfigError> {
    let (name, value) = text.split_once('=').ok_or_else(malformed_query)?;
    if value.contains('=') {
        return Err(malformed_query());
    }
    let (name, value) = (decode(name)?, decode(value)?);
    if name == "ssl" && value == "true" {
        return Ok(("sslmode", "require".to_owned()));
    }
    libpq::translate(&name, value).ok_or_else(|| libpq::unknown_keyword(&name, before))
}

/// Of libpq's versions some refuse it, some take it as it is, and some leave it out.
fn raw_blank() -> ConfigError {
    ConfigError::malformed("the URI holds a raw blank", "write a blank in a value as `%20`")
}

fn raw_delimiter() -> ConfigError {
    ConfigError::malformed(
        "the URI's user name or password holds a raw `@`, `/` or `?`",
        "write `@` in them as `%40`, `/` as `%2F` and `?` as `%3F`",
    )
}

fn malformed_query() -> ConfigError {
    ConfigError::malformed(
        "a parameter in the URI's query is not of the form `name=value`",
        "write `=` in a value as `%3D` and `&` as `%26`",
    )
}

#[cfg(test)]
mod tests {
    use super::{parse, strip_scheme};

    fn pairs(text: &str) -> Vec<(&'static str, String)> {
        parse(strip_scheme(text).unwrap()).unwrap()
    }

    fn owned(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        pairs.iter().map(|(keyword, value)| (*keyword, (*value).to_owned())).collect()
    }

    #[test]
    fn every_part_is_percent_decoded_and_plus_is_literal() {
        assert_eq!(
            pairs("postgres://a%40b:p%2Fw+x@h%6Fst:1/d%20b?application_name=a+b%26"),
            owned(&[
                ("user", "a@b"),
                ("password", "p/w+x"),
                ("host", "host"),
                ("port", "1"),
                ("dbname", "d b"),
                ("application_name", "a+b&"),
            ])
        );
    }

    #[test]
    fn several_hosts_become_lists() {
        assert_eq!(
            pairs("postgresql://a:1,[2001:db8::1],c:3"),
            owned(&[("host", "a,2001:db8::1,c"), ("port", "1,,3")])
        );
        assert_eq!(pairs("postgresql://a,b"), owned(&[("host", "a,b")]));
        assert_eq!(pairs("postgresql://,"), owned(&[("host", ",")]));
    }

    #[test]
    fn the_query_comes_after_the_authority_so_that_it_overrides() {
        assert_eq!(
            pairs("POSTGRES://h/d?host=other&ssl=true"),
            owned(&[("host", "h"), ("dbname", "d"), ("host", "other"), ("sslmode", "require")])
        );
    }

    #[test]
    fn an_empty_uri_states_nothing() {
        for text in ["postgres://", "postgres:///", "postgres://?", "postgres://:@/"] {
            assert_eq!(pairs(text), [], "{text}");
        }
    }

    #[test]
    fn malformed_uris_are_refused_without_their_values() {
        let cases = [
            ("postgres://u@hunter2.example@h/d", "%40"),
            ("postgres://u:12/hunter2@h/d", "%2F"),
            ("postgres://u:p@hunter2/x@h/d", "%40"),
            ("postgres://h?user=hunter2@example", "%3F"),
            ("postgres://u: hunter2@h", "%20"),
            ("postgres://u@h/d?options=-c\ta=hunter2", "%20"),
            ("postgres://u:%00hunter2@h", "%00"),
            ("postgres://u:%zzhunter2@h", "hexadecimal"),
            ("postgres://u:hunter2%4@h", "hexadecimal"),
            ("postgres://u:hunter2%ff@h", "UTF-8"),
            ("postgres://u@[::1/d?x=hunter2", "bracket"),
            ("postgres://u@[::1]hunter2/d", "bracket"),
            ("postgres://u@::1:hunter2/d", "bracket"),
            ("postgres://u@h/d?hunter2", "name=value"),
            ("postgres://u@h/d?password=a=hunter2", "name=value"),
            ("postgres://u@h/d?password=a&hunter2=b", "libpq doesn't know"),
            ("postgres://u@h/d?password=a&secret=hunter2", "libpq doesn't know"),
            ("postgres://u@h/d?sslmod=hunter2", "`sslmod`"),
        ];
        for (text, problem) in cases {
            let message = parse(strip_scheme(text).unwrap()).unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
