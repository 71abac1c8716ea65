//! Texts that hold a connection string and something around it.

use crate::error::ConfigError;

/// The error for a text that is no connection string but the line of a program, of a shell or of another
/// driver.
pub(super) fn refusal(text: &str) -> Option<ConfigError> {
    let starts_with = |starts: &[&str]| {
        let of_text = |start: &&str| text.get(..start.len());
        starts.iter().any(|start| of_text(start).is_some_and(|t| t.eq_ignore_ascii_case(start)))
    };
    let (problem, fix) = if starts_with(&["psql "]) {
        (
            "is a command line of psql",
            "leave out `psql` and the quotes, or write the options' values",
        )
    } else if starts_with(&["pg_connect(", "pg_pconnect("]) {
        ("is a call of PHP", "write what stands between its quotes alone")
    } else if is_assignment(text) {
        ("is an assignment", "leave out the variable's name and the equals sign")
    } else if has_scheme(text) {
        (
            "has a scheme that libpq doesn't know",
            "begin it with `postgresql://` or `jdbc:postgresql://`",
        )
    } else if starts_with(&["pgsql:", "pdo_pgsql:", "dbi:Pg"]) {
        (
            "is a data source name of PHP or Perl",
            "leave out its start, and separate the pairs by blanks: `host=h port=5432 dbname=d`",
        )
    } else if is_of_odbc(text) {
        (
            "is one of ODBC",
            "write `Host=h;Port=5432;Database=d;Username=u`, and a value that holds `;` in double \
             quotes",
        )
    } else {
        return None;
    };
    Some(ConfigError::malformed(format!("the connection string {problem}"), fix))
}

/// `DATABASE_URL=postgres://...`, as shells and files of variables write it.
fn is_assignment(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    let name = ["export ", "set ", "$env:"]
        .iter()
        .find_map(|word| name.strip_prefix(word))
        .unwrap_or(name);
    let value = value.trim_start_matches(['"', '\'', ' ']);
    name.trim_end().bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && ["postgres://", "postgresql://", "jdbc:"].iter().any(|start| value.starts_with(start))
}

/// Whether the text begins as a URL does, such as `r2dbc:postgresql://`.
fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._:".contains(&b))
    })
}

/// Whether the first pair names a driver or data source of ODBC.
fn is_of_odbc(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default().trim_end();
    ["driver", "dsn", "filedsn"].iter().any(|word| name.eq_ignore_ascii_case(word))
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
            ("pg_pconnect('host=h')", "PHP"),
            ("pgsql:host=h;port=5432;dbname=d", "PHP"),
            ("dbi:Pg:dbname=d;host=h", "Perl"),
            ("DBI:Pg(RaiseError=>1):dbname=d", "Perl"),
            ("Driver={PostgreSQL Unicode};Server=h;Uid=u;Pwd={a;b}", "ODBC"),
            ("DSN=orders;UID=u", "ODBC"),
            ("DATABASE_URL=postgres://u@h/d", "assignment"),
            ("export DATABASE_URL='postgresql://u@h/d'", "assignment"),
            ("DATABASE_URL = \"postgres://u@h/d\"", "assignment"),
            ("set DATABASE_URL=postgres://u@h/d", "assignment"),
            ("$env:DATABASE_URL='postgres://u@h/d'", "assignment"),
            ("mysql://u@h/d", "scheme"),
            ("pgsql://u@h/d", "scheme"),
            ("pdo_pgsql://u@h/d", "scheme"),
            ("postgresql_psycopg2://u@h/d", "scheme"),
            ("r2dbc:postgresql://u@h/d", "scheme"),
            ("r2dbc:pool:postgresql://u@h/d", "scheme"),
            ("postgresql+psycopg2://u@h/d", "scheme"),
            ("postgresql+asyncpg://u@h/d", "scheme"),
            ("postgis://u@h/d", "scheme"),
        ];
        for (text, problem) in cases {
            let error = refusal(text).unwrap_or_else(|| panic!("{text} was accepted"));
            assert!(error.to_string().contains(problem), "{text}: {error}");
        }
        for text in
            ["host=h user=u", "Host=h;Username=u", "user=u options=a://b", "Host=h;Driver=x", ""]
        {
            assert!(refusal(text).is_none(), "{text}");
        }
    }
}
