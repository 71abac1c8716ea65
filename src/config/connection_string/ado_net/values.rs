//! Npgsql's values in libpq's terms.

use crate::config::parameters::keywords::squeeze;

/// The value in libpq's terms. Npgsql reads enumerations without regard to case.
pub(super) fn translate(keyword: &str, value: String) -> String {
    match keyword {
        "sslmode" => ssl_mode(&value),
        "sslnegotiation" | "channel_binding" | "gssencmode" => value.to_ascii_lowercase(),
        "target_session_attrs" => session_attrs(&value),
        "require_auth" => require_auth(&value),
        "keepalives" => flag(&value, "0", "1"),
        "load_balance_hosts" => flag(&value, "disable", "random"),
        _ => value,
    }
}

/// By name, with or without a hyphen, or by the number of the enumeration's member.
fn ssl_mode(value: &str) -> String {
    let mode = match squeeze(value).as_str() {
        "0" => "disable",
        "1" => "allow",
        "2" => "prefer",
        "3" => "require",
        "4" | "verifyca" => "verify-ca",
        "5" | "verifyfull" => "verify-full",
        other => return other.to_owned(),
    };
    mode.to_owned()
}

/// With or without hyphens.
fn session_attrs(value: &str) -> String {
    match squeeze(value).as_str() {
        "readwrite" => "read-write".to_owned(),
        "readonly" => "read-only".to_owned(),
        "preferprimary" => "prefer-primary".to_owned(),
        "preferstandby" => "prefer-standby".to_owned(),
        other => other.to_owned(),
    }
}

fn require_auth(value: &str) -> String {
    let method =
        |method: &str| method.trim().to_ascii_lowercase().replace("scramsha256", "scram-sha-256");
    value.split(',').map(method).collect::<Vec<_>>().join(",")
}

/// An unreadable value stays as it is, to be refused where it is interpreted.
fn flag(value: &str, off: &str, on: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "false" | "no" => off.to_owned(),
        "true" | "yes" => on.to_owned(),
        _ => value.to_owned(),
    }
}
