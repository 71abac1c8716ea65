//! The `host:port` list that both kinds of URL begin with.

use crate::error::ConfigError;

/// The servers of `host:port,[::1]:port` as libpq's lists `host` and `port`, not yet decoded.
///
/// An omitted port stays empty in its list, which stands for the default. A list with nothing in it
/// is empty.
pub(super) fn host_and_port_lists(authority: &str) -> Result<(String, String), ConfigError> {
    let servers =
        authority.split(',').map(split_host_port).collect::<Result<Vec<_>, ConfigError>>()?;
    let (hosts, ports): (Vec<_>, Vec<_>) = servers.into_iter().unzip();
    Ok((join(&hosts), join(&ports)))
}

fn join(parts: &[&str]) -> String {
    if parts.iter().all(|part| part.is_empty()) { String::new() } else { parts.join(",") }
}

fn split_host_port(server: &str) -> Result<(&str, &str), ConfigError> {
    let Some(bracketed) = server.strip_prefix('[') else {
        return Ok(server.split_once(':').unwrap_or((server, "")));
    };
    let (address, rest) = bracketed.split_once(']').ok_or_else(bad_brackets)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((address, port)),
        None if rest.is_empty() => Ok((address, "")),
        None => Err(bad_brackets()),
    }
}

fn bad_brackets() -> ConfigError {
    ConfigError::malformed(
        "an IPv6 address in the URL is not bracketed properly",
        "write it as `[2001:db8::1]:5432`",
    )
}
