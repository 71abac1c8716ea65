//! Keywords that Npgsql doesn't know.

use crate::{
    config::parameters::keywords::{Advice, advice},
    error::ConfigError,
};

/// The error for a keyword. What follows an unquoted password may be its rest, and is not named.
pub(super) fn keyword(name: &str, may_be_password: bool) -> ConfigError {
    if may_be_password {
        return ConfigError::malformed(
            "what follows the password in the ADO.NET connection string is no keyword of Npgsql",
            "if it is part of the password, put the password in double quotes; else check its \
             spelling",
        );
    }
    let is_word = (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b" _-".contains(&b));
    let named = if is_word { format!("`{name}`") } else { "a part".to_owned() };
    let fix = match advice(name) {
        Some(Advice::Write { npgsql, .. }) => {
            format!("write `{npgsql}`, or separate the pairs of a libpq string by blanks")
        }
        Some(Advice::ServerOption(option)) => format!("write `Options=-c {option}=...`"),
        Some(Advice::LeaveOut) => "leave it out: it means nothing to a connect".to_owned(),
        None => "check its spelling, and put a value that holds `;` in double quotes".to_owned(),
    };
    let problem = "is no keyword of Npgsql, and `;` makes this an ADO.NET string";
    ConfigError::malformed(format!("{named} {problem}"), fix)
}
