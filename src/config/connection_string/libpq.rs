//! libpq's keyword/value strings: `host=contoso user='aad orders'`
//! ([grammar](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE)).

use std::{iter::Peekable, str::Chars};

use crate::{
    config::parameters::{
        Pairs,
        keywords::{self, Advice},
    },
    error::ConfigError,
};

/// Reads a keyword/value string by the rules of libpq's `conninfo_parse`.
pub(super) fn parse(text: &str) -> Result<Pairs, ConfigError> {
    let mut scanner = Scanner { chars: text.chars().peekable() };
    let mut pairs = Pairs::new();
    while let Some(name) = scanner.keyword()? {
        let Value { text: value, .. } = scanner.value()?;
        let pair = translate(&name, value).ok_or_else(|| unknown_keyword(&name, &pairs))?;
        pairs.push(pair);
    }
    Ok(pairs)
}

/// The keyword and value that a written pair stands for; `None` if libpq doesn't know the keyword.
pub(super) fn translate(name: &str, value: String) -> Option<(&'static str, String)> {
    let pair = match name {
        // libpq before version 14 spelled `sslmode` so.
        "requiressl" => {
            ("sslmode", if value.starts_with('1') { "require" } else { "prefer" }.to_owned())
        }
        // tokio-postgres' spelling.
        "keepalives_retries" => ("keepalives_count", value),
        _ => (keywords::of_libpq(name)?, value),
    };
    Some(pair)
}

/// Whether libpq knows a keyword, of whatever version.
pub(super) fn knows(name: &str) -> bool {
    translate(name, String::new()).is_some()
}

/// Whether a value without quotes holds a `;` that rather ends a pair of ADO.NET. A password may hold
/// any, unless a keyword follows it.
pub(super) fn holds_separator(text: &str) -> bool {
    let mut scanner = Scanner { chars: text.chars().peekable() };
    while let Ok(Some(name)) = scanner.keyword() {
        let Ok(Value { text, quoted: false }) = scanner.value() else { continue };
        let mut after = text.split(';').skip(1);
        let found = match name.as_str() {
            "password" => after.any(super::begins_with_keyword),
            _ => after.next().is_some(),
        };
        if found {
            return true;
        }
    }
    false
}

struct Value {
    text: String,
    quoted: bool,
}

struct Scanner<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Scanner<'_> {
    fn skip_blanks(&mut self) {
        while self.chars.next_if(|c| is_blank(*c)).is_some() {}
    }

    /// The next keyword, with the `=` after it consumed; `None` at the end.
    fn keyword(&mut self) -> Result<Option<String>, ConfigError> {
        self.skip_blanks();
        if self.chars.peek().is_none() {
            return Ok(None);
        }
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| *c != '=' && !is_blank(*c)) {
            name.push(c);
        }
        self.skip_blanks();
        match self.chars.next() {
            Some('=') => Ok(Some(name)),
            _ => Err(missing_equals()),
        }
    }

    /// libpq skips blanks here, so that in `password= user=x` the password is `user=x`.
    fn value(&mut self) -> Result<Value, ConfigError> {
        self.skip_blanks();
        if self.chars.next_if_eq(&'\'').is_some() {
            return Ok(Value { text: self.quoted_value()?, quoted: true });
        }
        let begins_with_quote = self.chars.peek() == Some(&'"');
        let text = self.bare_value();
        if begins_with_quote && text.len() > 1 && text.ends_with('"') {
            return Err(double_quotes());
        }
        Ok(Value { text, quoted: false })
    }

    fn bare_value(&mut self) -> String {
        let mut value = String::new();
        while let Some(c) = self.chars.next_if(|c| !is_blank(*c)) {
            match c {
                '\\' => value.extend(self.chars.next()),
                _ => value.push(c),
            }
        }
        value
    }

    fn quoted_value(&mut self) -> Result<String, ConfigError> {
        let mut value = String::new();
        loop {
            match self.chars.next() {
                None => return Err(unterminated_quote()),
                Some('\'') => return Ok(value),
                Some('\\') => value.extend(self.chars.next()),
                Some(c) => value.push(c),
            }
        }
    }
}

/// C's `isspace`, which libpq uses.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn missing_equals() -> ConfigError {
    ConfigError::malformed(
        "a word in the connection string is not followed by `=`",
        "write `keyword=value` pairs, and put a value that holds blanks in single quotes",
    )
}

fn unterminated_quote() -> ConfigError {
    ConfigError::malformed(
        "a quoted value in the connection string has no closing quote",
        "close it with `'`, and write a quote inside as `\\'`",
    )
}

/// libpq takes them as they are, which nobody means.
fn double_quotes() -> ConfigError {
    ConfigError::malformed(
        "a value in the connection string is in double quotes, which would be a part of it",
        "put it in single quotes",
    )
}

/// The error for a keyword that libpq doesn't know. Names it, unless it may be the rest of a
/// password that should have been quoted or encoded.
pub(super) fn unknown_keyword(name: &str, before: &Pairs) -> ConfigError {
    // In `host= password= x=y` the host is `password=`.
    let after_password = before
        .last()
        .is_some_and(|(keyword, value)| *keyword == "password" || keywords::says_password(value));
    let is_word = (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b"_-".contains(&b));
    if !is_word || after_password {
        return ConfigError::malformed(
            "the connection string holds a parameter that libpq doesn't know",
            "check its spelling, and quote or encode special characters in the value before it",
        );
    }
    let fix = match keywords::advice(name) {
        Some(Advice::Write { libpq, .. }) => format!("write `{libpq}`"),
        Some(Advice::ServerOption(option)) => {
            format!("state `-c {option}=...` in `options`")
        }
        Some(Advice::LeaveOut) => "leave it out: it means nothing to a connect".to_owned(),
        None => "check its spelling, and quote or encode special characters in the value before it"
            .to_owned(),
    };
    ConfigError::malformed(format!("libpq knows no parameter `{name}`"), fix)
}

#[cfg(test)]
mod tests {
    use super::{Pairs, parse};

    fn pairs(text: &str) -> Pairs {
        parse(text).unwrap()
    }

    #[test]
    fn blanks_around_the_equals_sign_are_skipped() {
        assert_eq!(
            pairs(" host = a\t port=\n1 "),
            [("host", "a".to_owned()), ("port", "1".to_owned())]
        );
    }

    #[test]
    fn a_backslash_makes_the_next_character_literal() {
        let cases = [
            (r"user=a\ b", "a b"),
            (r"user=a\\b", r"a\b"),
            (r"user=\'a", "'a"),
            (r"user='a\'b'", "a'b"),
            (r"user='a\\'", r"a\"),
            (r"user=a\", "a"),
            (r"user=a'b", "a'b"),
            ("user=a\"b\"", "a\"b\""),
            ("user='\"a\"'", "\"a\""),
        ];
        for (text, user) in cases {
            assert_eq!(pairs(text), [("user", user.to_owned())], "{text}");
        }
    }

    #[test]
    fn an_empty_bare_value_takes_the_next_word_as_libpq_does() {
        assert_eq!(pairs("password= user=x"), [("password", "user=x".to_owned())]);
        assert_eq!(pairs("password='' user=x").len(), 2);
        assert_eq!(pairs("password="), [("password", String::new())]);
    }

    #[test]
    fn older_spellings_are_translated() {
        for (value, mode) in [("1", "require"), ("1x", "require"), ("0", "prefer")] {
            assert_eq!(pairs(&format!("requiressl={value}")), [("sslmode", mode.to_owned())]);
        }
        assert_eq!(pairs("keepalives_retries=3"), [("keepalives_count", "3".to_owned())]);
    }

    #[test]
    fn malformed_strings_are_refused_without_their_values() {
        let cases = [
            ("host='hunter2", "closing quote"),
            ("user=\"hunter2\" host=h", "single quotes"),
            ("host=h password = \"hunter2\"", "single quotes"),
            ("host=a hunter2", "not followed by `=`"),
            ("password=my hunter2=x", "libpq doesn't know"),
            ("host= password= hunter=2", "libpq doesn't know"),
            ("hostname=hunter2", "`hostname`"),
            ("Host=hunter2", "`Host`"),
            ("=hunter2", "libpq doesn't know"),
        ];
        for (text, problem) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(!message.contains("hunter"), "{message}");
        }
    }
}
