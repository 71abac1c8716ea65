//! Settings of the session that JDBC and Npgsql state by name, and libpq through `options`.

use super::Pairs;

/// Command-line options for the server, beside the settings that have words of their own. The last
/// statement of each wins.
#[derive(Default)]
pub(in crate::config) struct SessionOptions {
    pub(in crate::config) options: String,
    pub(in crate::config) search_path: String,
    pub(in crate::config) time_zone: String,
}

impl SessionOptions {
    /// States all of them as libpq's `options`.
    pub(in crate::config) fn push_to(self, pairs: &mut Pairs) {
        let mut options = self.options;
        for (name, value) in [("search_path", self.search_path), ("TimeZone", self.time_zone)] {
            if value.is_empty() {
                continue;
            }
            if !options.is_empty() {
                options.push(' ');
            }
            options.push_str(&format!("-c {name}={}", escape(&value)));
        }
        if !options.is_empty() {
            pairs.push(("options", options));
        }
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
