//! Texts that hold a connection string and something around it.

use crate::error::ConfigError;

/// The error for a text that is no connection string but the line of a program, of a shell or of another
/// driver.
pub(super) fn refusal(text: &str) -> Option<ConfigError> {
    let starts_with =
        |start: &str| text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    let (problem, fix) = if starts_with("psql ") {
        (
            "is a command line of psql",
            "leave out `psql` and the quotes, or write the options' values",
        )
    } else if starts_with("pg_connect(") {
        ("is a call of PHP", "write what stands between its quotes alone")
    } else if starts_with("pgsql:") || starts_with("pdo_pgsql:") {
        (
            "is a data source name of PHP",
            "leave out its start, and separate the pairs by blanks: `host=h port=5432 dbname=d`",
        )
    } else if is_assignment(text) {
        ("is an assignment", "leave out the variable's name and the equals sign")
    } else if has_scheme(text) {
        (
            "has a scheme that is not one of PostgreSQL",
            "begin it with `postgresql://` or `jdbc:postgresql://`",
        )
    } else {
        return None;
    };
    Some(ConfigError::malformed(format!("the connection string {problem}"), fix))
}

/// `DATABASE_URL=postgres://...`, also after `export`.
fn is_assignment(text: &str) -> bool {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let Some((name, value)) = text.split_once('=') else { return false };
    let value = value.trim_start_matches(['"', '\'']);
    name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && ["postgres://", "postgresql://", "jdbc:"].iter().any(|start| value.starts_with(start))
}

/// Whether the text begins as a URL does.
fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn what_surrounds_a_connection_string_is_told() {
        let cases = [
            ("psql \"host=h user=u\"", "psql"),
            ("psql postgres://u@h/d", "psql"),
            ("pg_connect(\"host=h dbname=d\")", "PHP"),
            ("pgsql:host=h;port=5432;dbname=d", "PHP"),
            ("DATABASE_URL=postgres://u@h/d", "assignment"),
            ("export DATABASE_URL='postgresql://u@h/d'", "assignment"),
            ("mysql://u@h/d", "scheme"),
            ("postgresql+psycopg2://u@h/d", "scheme"),
            ("postgresql+asyncpg://u@h/d", "scheme"),
            ("postgis://u@h/d", "scheme"),
        ];
        for (text, problem) in cases {
            let error = refusal(text).unwrap_or_else(|| panic!("{text} was accepted"));
            assert!(error.to_string().contains(problem), "{text}: {error}");
        }
        for text in ["host=h user=u", "Host=h;Username=u", "user=u options=a://b", ""] {
            assert!(refusal(text).is_none(), "{text}");
        }
    }
}
