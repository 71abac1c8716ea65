//! ADO.NET connection strings, as Npgsql reads them: `Server=contoso;User Id=u;Ssl Mode=Require`
//! ([grammar](https://learn.microsoft.com/dotnet/api/system.data.common.dbconnectionstringbuilder),
//! [keywords](https://www.npgsql.org/doc/connection-string-parameters.html)).

mod servers;
mod unknown;
mod values;

use super::{is_keyword, two_separators};
use crate::{
    config::parameters::{
        Pairs,
        keywords::{self, Meaning},
    },
    error::ConfigError,
};

/// A pair of an ADO.NET string, with the quoting undone.
struct Written {
    keyword: String,
    value: String,
    quoted: bool,
}

/// Reads an ADO.NET string by the rules of Npgsql. What means nothing to a connect is ignored; what
/// Npgsql doesn't know is refused, because it may be the host, the user or half of a password.
pub(super) fn parse(text: &str) -> Result<Pairs, ConfigError> {
    let mut pairs = Pairs::new();
    let mut port = String::new();
    let mut may_be_password = false;
    for Written { keyword, value, quoted } in split(text)? {
        let meaning = keywords::of_npgsql(&keyword)
            .ok_or_else(|| unknown::keyword(&keyword, may_be_password))?;
        // An unquoted value ends at the first `;`, so that what follows may belong to it. One with an
        // equals sign may hold a password that was written for another grammar.
        may_be_password =
            !quoted && (meaning == Meaning::Keyword("password") || value.contains('='));
        if !quoted && holds_pair(&value) {
            return Err(two_separators());
        }
        match meaning {
            Meaning::Keyword("port") => port = value,
            Meaning::Keyword("host") => servers::push_hosts(&value, &mut pairs),
            Meaning::Keyword(keyword) => pairs.push((keyword, values::translate(keyword, value))),
            Meaning::Nothing => {}
        }
    }
    servers::apply_port(port, &mut pairs);
    Ok(pairs)
}

/// Whether a value without quotes holds another pair, so that it was meant for libpq: ADO.NET takes
/// `a user = b` for the host in `Host=a user = b;`. What a server's option sets (`-c name=value`) is
/// none.
fn holds_pair(value: &str) -> bool {
    let before_equals = value.rsplit_once('=').map_or("", |(value, _)| value);
    before_equals.split('=').any(|text| {
        let mut words = text.split_whitespace().rev();
        let (Some(last), Some(before)) = (words.next(), words.next()) else { return false };
        let is_option = last.starts_with('-') || before == "-c";
        let is_two_words = words.next().is_some() && is_keyword(&format!("{before} {last}"));
        !is_option && (is_two_words || is_keyword(last))
    })
}

/// Splits a string into its pairs.
fn split(text: &str) -> Result<Vec<Written>, ConfigError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches(is_filler);
    while !rest.is_empty() {
        let (keyword, after_keyword) = split_keyword(rest)?;
        let after_keyword = after_keyword.trim_start();
        let quoted = after_keyword.starts_with(['"', '\'']);
        let (value, after_value) = split_value(after_keyword)?;
        pairs.push(Written { keyword, value, quoted });
        rest = after_value.trim_start_matches(is_filler);
    }
    Ok(pairs)
}

/// What may stand between two pairs.
fn is_filler(c: char) -> bool {
    c == ';' || c.is_whitespace()
}

/// Takes a keyword and the `=` after it; `==` is an equals sign in the keyword.
fn split_keyword(text: &str) -> Result<(String, &str), ConfigError> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('=').ok_or_else(missing_equals)?;
        if part.contains(';') {
            return Err(missing_equals());
        }
        name.push_str(part);
        match after.strip_prefix('=') {
            Some(after) => {
                name.push('=');
                rest = after;
            }
            None => return Ok((name.trim_end().to_owned(), after)),
        }
    }
}

/// Takes a value up to its `;` or the end.
fn split_value(text: &str) -> Result<(String, &str), ConfigError> {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted_value(&text[1..], quote),
        _ => bare_value(text),
    }
}

/// A quote inside is written twice; after the closing quote only blanks may come before the `;`.
fn quoted_value(text: &str, quote: char) -> Result<(String, &str), ConfigError> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once(quote).ok_or_else(unterminated_quote)?;
        value.push_str(part);
        if let Some(after) = after.strip_prefix(quote) {
            value.push(quote);
            rest = after;
            continue;
        }
        let after = after.trim_start();
        return if after.is_empty() || after.starts_with(';') {
            Ok((value, after))
        } else {
            Err(stray_quote())
        };
    }
}

fn bare_value(text: &str) -> Result<(String, &str), ConfigError> {
    let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    let value = value.trim_end();
    if value.ends_with(['"', '\'']) {
        return Err(stray_quote());
    }
    Ok((value.to_owned(), rest))
}

fn missing_equals() -> ConfigError {
    ConfigError::malformed(
        "a part of the ADO.NET connection string has no `=`",
        "write `Keyword=value;`, and put a value that holds `;` in double quotes",
    )
}

fn unterminated_quote() -> ConfigError {
    ConfigError::malformed(
        "a quoted value in the ADO.NET connection string has no closing quote",
        "close it, and write a quote inside twice",
    )
}

fn stray_quote() -> ConfigError {
    ConfigError::malformed(
        "a value in the ADO.NET connection string has a stray quote",
        "put the whole value in quotes, and write a quote inside twice",
    )
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::config::connection_string::stated;

    fn value(text: &str, keyword: &str) -> Option<String> {
        stated(parse(text).unwrap(), keyword)
    }

    #[test]
    fn values_are_quoted_by_doubling() {
        let cases = [
            (r#"Password="a;b""#, "a;b"),
            (r#"Password = "a""b" ;"#, "a\"b"),
            ("Password='it''s'", "it's"),
            (r#"Password='a"b'"#, "a\"b"),
            ("Password= a b ;Host=h", "a b"),
            ("Password=a=b==c", "a=b==c"),
            (r"Password=a\;", r"a\"),
            ("Password=a\"b;", "a\"b"),
        ];
        for (text, password) in cases {
            assert_eq!(value(text, "password").as_deref(), Some(password), "{text}");
        }
    }

    #[test]
    fn keywords_have_synonyms_and_no_case() {
        for name in ["Username", "USER NAME", "UserId", "user id", "UID"] {
            assert_eq!(value(&format!("{name}=u"), "user").as_deref(), Some("u"), "{name}");
        }
        for name in ["Database", "DB"] {
            assert_eq!(value(&format!(";; {name} =d"), "dbname").as_deref(), Some("d"), "{name}");
        }
        for name in ["Password", "PWD", "psw"] {
            assert_eq!(value(&format!("{name}=p"), "password").as_deref(), Some("p"), "{name}");
        }
    }

    #[test]
    fn ssl_mode_is_read_in_every_spelling() {
        let cases = [
            ("Require", "require"),
            ("verifyfull", "verify-full"),
            ("VerifyCA", "verify-ca"),
            ("Verify-Full", "verify-full"),
            ("0", "disable"),
            ("3", "require"),
            ("5", "verify-full"),
        ];
        for (written, mode) in cases {
            let text = format!("Ssl Mode={written}");
            assert_eq!(value(&text, "sslmode").as_deref(), Some(mode), "{written}");
        }
    }

    #[test]
    fn the_last_duplicate_wins_and_an_empty_value_resets() {
        assert_eq!(value("User Id=a;UID=b", "user").as_deref(), Some("b"));
        assert_eq!(value("User Id=a;User Id=;", "user"), None);
        assert_eq!(value("Options=a;Options=b;", "options").as_deref(), Some("b"));
    }

    #[test]
    fn what_means_nothing_to_a_connect_is_ignored() {
        let text = "Pooling=true;Command Timeout=5;Trust Server Certificate=true;Enlist=false;\
                    Include Error Detail=true;MaxPoolSize=9;Persist Security Info=false;";
        assert_eq!(parse(text).unwrap(), [("port", String::new())]);
    }

    #[test]
    fn an_unknown_keyword_is_refused_and_named_unless_it_may_be_part_of_a_password() {
        let cases = [
            ("Host=h;User=hunter2", "`Username`"),
            ("Data Source=hunter2;Initial Catalog=d", "`Host`"),
            ("Host=h;dbname=hunter2", "`Database`"),
            ("Host=h;Passwort=hunter2", "`Passwort`"),
            ("Host=h;Password=\"a\";Colour=hunter2", "`Colour`"),
            ("Host=h;Password=Pa;hunter2=1", "double quotes"),
            ("Host=h;Password=Pa;user=hunter2", "double quotes"),
            ("Host=h;hun.ter2=1", "no keyword of Npgsql"),
            ("x==y=hunter2", "no keyword of Npgsql"),
        ];
        for (text, problem) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
            assert!(!message.contains("hun.ter2"), "{message}");
        }
    }

    #[test]
    fn a_value_that_holds_another_pair_is_refused_unless_it_is_quoted_or_an_option() {
        for text in [
            "Password=p host=hunter2;",
            "Password = p Host = hunter2 ;",
            "database = d\tport = 1",
            "Username=u User Id = hunter2;",
            "Options=x user = hunter2;",
            "Password=p requiressl = 1;",
            "Options=-c geqo=off host=hunter2;",
            "Passfile=f sslmode =require dbname= hunter2;",
        ] {
            let message = parse(text).err().unwrap_or_else(|| panic!("{text}")).to_string();
            assert!(message.contains("both with blanks and with `;`"), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        for text in [
            "Password=\"p host = h\"",
            "Password=a=b host",
            "Password=host=h",
            "Options=-c search_path=x -c application_name=y --timezone=z",
            "Search Path=a, b",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn malformed_strings_are_refused_without_their_values() {
        let cases = [
            ("Host=h;hunter2", "no `=`"),
            ("Password=a;hunter2;Host=h", "no `=`"),
            ("Password=\"hunter2", "closing quote"),
            ("Password='hunter2''", "closing quote"),
            ("Password=hunter2'", "stray quote"),
            ("Password=\"hunter2\"x", "stray quote"),
        ];
        for (text, problem) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
