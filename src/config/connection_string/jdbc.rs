//! JDBC URLs: `jdbc:postgresql://host:5432/database?sslmode=require&user=u`, as
//! [pgjdbc](https://jdbc.postgresql.org/documentation/use/#connecting-to-the-database) reads them.

use super::{authority::host_and_port_lists, percent};
use crate::{
    config::parameters::{
        Pairs,
        keywords::{self, Meaning},
    },
    error::ConfigError,
};

const SCHEME: &str = "jdbc:postgresql:";

/// Whether the text is a JDBC URL, of whatever database.
pub(super) fn is_jdbc_url(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("jdbc:"))
}

/// Whether the text is a JDBC URL of another database: no part of its scheme says PostgreSQL, as those
/// of drivers that wrap another one do (`jdbc:otel:postgresql:`).
pub(in crate::config) fn is_for_another_database(text: &str) -> bool {
    let scheme = text.split("//").next().unwrap_or_default();
    let says_postgresql = |part: &str| {
        ["postgresql", "postgres", "pgsql"].iter().any(|name| part.eq_ignore_ascii_case(name))
    };
    is_jdbc_url(text) && !scheme.split(':').any(says_postgresql)
}

/// Reads a JDBC URL by the rules of pgjdbc's `Driver.parseURL`.
pub(super) fn parse(text: &str) -> Result<Pairs, ConfigError> {
    let (scheme, rest) = text.split_at_checked(SCHEME.len()).ok_or_else(other_driver)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(other_driver());
    }
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut pairs = Pairs::new();
    match location.strip_prefix("//") {
        Some(location) => push_location(location, &mut pairs)?,
        // The host would be a part of the database's name, and another server be dialled.
        None if location.contains(['/', ':', '@', '.']) => return Err(missing_slashes()),
        None => pairs.push(("dbname", decode(location)?)),
    }
    push_query(query, &mut pairs)?;
    Ok(pairs)
}

fn push_location(location: &str, pairs: &mut Pairs) -> Result<(), ConfigError> {
    let (authority, database) = location.split_once('/').ok_or_else(missing_slash)?;
    if authority.contains('@') {
        return Err(credentials_before_host());
    }
    if database.contains('/') {
        return Err(second_slash());
    }
    let (hosts, ports) = host_and_port_lists(authority)?;
    for (keyword, list) in [("host", hosts), ("port", ports)] {
        if !list.is_empty() {
            pairs.push((keyword, list));
        }
    }
    pairs.push(("dbname", decode(database)?));
    Ok(())
}

fn push_query(query: &str, pairs: &mut Pairs) -> Result<(), ConfigError> {
    let mut implied_sslmode = None;
    for property in query.split('&').filter(|property| !property.is_empty()) {
        let (name, value) = property.split_once('=').unwrap_or((property, ""));
        let value = decode(value)?;
        match name {
            "ssl" => implied_sslmode = Some(sslmode_of_ssl(&value)),
            _ => pairs.extend(keyword(name).map(|keyword| (keyword, translate(keyword, value)))),
        }
    }
    if let Some(mode) = implied_sslmode.filter(|_| !states(pairs, "sslmode")) {
        pairs.push(("sslmode", mode.to_owned()));
    }
    Ok(())
}

/// pgjdbc takes `ssl` without a value for `ssl=true`.
fn sslmode_of_ssl(value: &str) -> &'static str {
    if value.is_empty() || value.eq_ignore_ascii_case("true") { "verify-full" } else { "prefer" }
}

fn states(pairs: &Pairs, keyword: &str) -> bool {
    pairs.iter().any(|(stated, value)| *stated == keyword && !value.is_empty())
}

/// The keyword for a property of pgjdbc, which reads three names of its service files in any case.
fn keyword(property: &str) -> Option<&'static str> {
    let name = match property.to_ascii_uppercase().as_str() {
        "HOST" => "PGHOST",
        "PORT" => "PGPORT",
        "DBNAME" => "PGDBNAME",
        _ => property,
    };
    match keywords::of_pgjdbc(name) {
        Some(Meaning::Keyword(keyword)) => Some(keyword),
        Some(Meaning::Nothing) | None => None,
    }
}

/// The properties that pgjdbc doesn't know, and so ignores. One is named if it can't be a part of a
/// password: what follows one may be, up to the next property that is known.
pub(super) fn unknown_properties(text: &str) -> impl Iterator<Item = Option<String>> {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let mut after_password = false;
    query.split('&').filter(|property| !property.is_empty()).filter_map(move |property| {
        let (name, value) = property.split_once('=').unwrap_or((property, ""));
        if name == "ssl" || keyword(name).is_some() || keywords::of_pgjdbc(name).is_some() {
            after_password = name == "password";
            return None;
        }
        let is_word = (1..=40).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphabetic() || b"_.".contains(&b));
        let named = (is_word && !value.is_empty() && !after_password).then(|| name.to_owned());
        after_password |= named.is_none() || keywords::says_password(name);
        Some(named)
    })
}

/// The value in libpq's terms; pgjdbc reads enumerations without regard to case.
fn translate(keyword: &str, value: String) -> String {
    let lower = value.to_ascii_lowercase();
    match (keyword, lower.as_str()) {
        ("keepalives", "true") => "1".to_owned(),
        ("keepalives", "false") => "0".to_owned(),
        ("load_balance_hosts", "true") => "random".to_owned(),
        ("load_balance_hosts", "false") => "disable".to_owned(),
        // The default of pgjdbc: without GSSAPI if the server lets it.
        ("gssencmode", "allow") => "disable".to_owned(),
        ("target_session_attrs", "master") => "primary".to_owned(),
        ("target_session_attrs", "slave" | "secondary") => "standby".to_owned(),
        ("target_session_attrs", "preferslave" | "prefersecondary") => "prefer-standby".to_owned(),
        ("target_session_attrs", "preferprimary") => "prefer-primary".to_owned(),
        (
            "sslmode"
            | "sslnegotiation"
            | "channel_binding"
            | "gssencmode"
            | "target_session_attrs",
            _,
        ) => lower,
        _ => value,
    }
}

/// `java.net.URLDecoder`: `%XX`, and `+` for a blank.
fn decode(text: &str) -> Result<String, ConfigError> {
    percent::decode(&text.replace('+', " "))
}

fn other_driver() -> ConfigError {
    ConfigError::malformed(
        "the JDBC URL is one of another driver than PostgreSQL's",
        "write `jdbc:postgresql://host:5432/database?user=...`",
    )
}

fn missing_slashes() -> ConfigError {
    ConfigError::malformed(
        "the JDBC URL has no `//` before its host",
        "write `jdbc:postgresql://host:5432/database`",
    )
}

fn missing_slash() -> ConfigError {
    ConfigError::malformed(
        "the JDBC URL has no `/` after its host",
        "write `jdbc:postgresql://host:5432/database`, or end the host with `/`",
    )
}

fn second_slash() -> ConfigError {
    ConfigError::malformed(
        "the JDBC URL has a second `/` after its host",
        "write `/` in a name as `%2F`",
    )
}

fn credentials_before_host() -> ConfigError {
    ConfigError::malformed(
        "the JDBC URL has an `@` in its host",
        "move user and password into the query: `?user=...&password=...`",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::stated, parse};

    fn value(text: &str, keyword: &str) -> Option<String> {
        stated(parse(text).unwrap(), keyword)
    }

    #[test]
    fn plus_is_a_blank_and_escapes_are_decoded() {
        let url = "jdbc:postgresql://h/a+b%2B?user=u%40x+y&password=%26%3D";
        assert_eq!(value(url, "dbname").as_deref(), Some("a b+"));
        assert_eq!(value(url, "user").as_deref(), Some("u@x y"));
        assert_eq!(value(url, "password").as_deref(), Some("&="));
    }

    #[test]
    fn hosts_become_lists_and_may_be_missing() {
        let url = "jdbc:postgresql://a:1,[::1],c:3/";
        assert_eq!(value(url, "host").as_deref(), Some("a,::1,c"));
        assert_eq!(value(url, "port").as_deref(), Some("1,,3"));
        for url in ["jdbc:postgresql:orders", "jdbc:postgresql:///orders"] {
            assert_eq!(value(url, "host"), None, "{url}");
            assert_eq!(value(url, "dbname").as_deref(), Some("orders"), "{url}");
        }
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        assert_eq!(value("JDBC:PostgreSQL://h/d", "host").as_deref(), Some("h"));
    }

    #[test]
    fn ssl_means_verify_full_unless_sslmode_is_stated() {
        let cases = [
            ("ssl=true", Some("verify-full")),
            ("ssl", Some("verify-full")),
            ("ssl=false", Some("prefer")),
            ("ssl=true&sslmode=REQUIRE", Some("require")),
            ("sslmode=verify-ca&ssl", Some("verify-ca")),
            ("", None),
        ];
        for (query, mode) in cases {
            let url = format!("jdbc:postgresql://h/?{query}");
            assert_eq!(value(&url, "sslmode").as_deref(), mode, "{query}");
        }
    }

    #[test]
    fn unknown_properties_are_ignored_and_the_last_duplicate_wins() {
        let url =
            "jdbc:postgresql://h/?&prepareThreshold=0&user=a&&user=b&USER=c&PGPORT=1&pghost=x";
        assert_eq!(value(url, "user").as_deref(), Some("b"));
        assert_eq!(value(url, "port").as_deref(), Some("1"));
        assert_eq!(value(url, "host").as_deref(), Some("h"));
    }

    #[test]
    fn the_names_of_service_files_are_properties_in_any_case() {
        let url = "jdbc:postgresql://h:1/d?Host=a&PORT=2&dbName=b";
        for (keyword, wanted) in [("host", "a"), ("port", "2"), ("dbname", "b")] {
            assert_eq!(value(url, keyword).as_deref(), Some(wanted), "{keyword}");
        }
    }

    #[test]
    fn gss_encryption_that_is_only_allowed_is_not_used() {
        for mode in ["allow", "ALLOW", "disable"] {
            let url = format!("jdbc:postgresql://h/?gssEncMode={mode}");
            assert_eq!(value(&url, "gssencmode").as_deref(), Some("disable"), "{mode}");
        }
        let required = value("jdbc:postgresql://h/?gssEncMode=require", "gssencmode");
        assert_eq!(required.as_deref(), Some("require"));
    }

    #[test]
    fn a_property_that_pgjdbc_does_not_know_is_noted() {
        let url = "jdbc:postgresql://h/d?ssl&prepareThreshold=0&Colour=x&password=a&hunter&b&user=u&Size=c";
        let unknown: Vec<_> = super::unknown_properties(url).collect();
        assert_eq!(unknown, [Some("Colour".to_owned()), None, None, Some("Size".to_owned())]);
        let misspelt = "jdbc:postgresql://h/d?Colour=x&Password=a&hunter=b&c";
        let unknown: Vec<_> = super::unknown_properties(misspelt).collect();
        assert_eq!(unknown, [Some("Colour".to_owned()), Some("Password".to_owned()), None, None]);
    }

    #[test]
    fn malformed_urls_are_refused_without_their_values() {
        let cases = [
            ("jdbc:mysql://hunter2/d", "another driver"),
            ("jdbc:postgresql://hunter2:5432", "no `/`"),
            ("jdbc:postgresql://h/d/hunter2", "second `/`"),
            ("jdbc:postgresql://u:hunter2@h/d", "`?user="),
            ("jdbc:postgresql://h/d?password=hunter2%", "hexadecimal"),
            ("jdbc:postgresql://[hunter2/d", "bracket"),
            ("jdbc:postgresql://::1:hunter2/d?port=1", "bracket"),
        ];
        for (text, problem) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
