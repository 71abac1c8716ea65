//! The schema search path, which JDBC and Npgsql set by name and libpq through `options`.

use super::parameters::Pairs;

/// States a search path as a command-line option for the server, beside the options that are there.
pub(super) fn push_option(schemas: &str, pairs: &mut Pairs) {
    if !schemas.is_empty() {
        push_options(&format!("-c search_path={}", escape(schemas)), pairs);
    }
}

/// States command-line options, beside those that are there.
pub(super) fn push_options(options: &str, pairs: &mut Pairs) {
    let stated = pairs.iter_mut().find(|(keyword, _)| *keyword == "options");
    match stated {
        Some((_, stated)) if !stated.is_empty() => {
            stated.push(' ');
            stated.push_str(options);
        }
        _ => pairs.push(("options", options.to_owned())),
    }
}

/// The server splits options at blanks unless a backslash precedes them
/// ([documentation](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS)).
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if c == '\\' || c.is_ascii_whitespace() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
