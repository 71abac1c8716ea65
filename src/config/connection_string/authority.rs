//! The `host:port` list that both kinds of URL begin with.

use crate::error::ConfigError;

/// The servers of `host:port,[::1]:port` as libpq's lists `host` and `port`, not yet decoded.
///
/// An omitted port stays empty in its list, which stands for the default. Without any port the list of
/// them is empty.
pub(super) fn host_and_port_lists(authority: &str) -> Result<(String, String), ConfigError> {
    let servers =
        authority.split(',').map(split_host_port).collect::<Result<Vec<_>, ConfigError>>()?;
    let (hosts, ports): (Vec<_>, Vec<_>) = servers.into_iter().unzip();
    let states_port = ports.iter().any(|port| !port.is_empty());
    Ok((hosts.join(","), if states_port { ports.join(",") } else { String::new() }))
}

fn split_host_port(server: &str) -> Result<(&str, &str), ConfigError> {
    let Some(bracketed) = server.strip_prefix('[') else {
        let (host, port) = server.split_once(':').unwrap_or((server, ""));
        // pgjdbc splits at the last colon, libpq at the first.
        return if port.contains(':') { Err(bad_brackets()) } else { Ok((host, port)) };
    };
    let (address, rest) = bracketed.split_once(']').ok_or_else(bad_brackets)?;
    if !address.contains(':') {
        return Err(bad_brackets());
    }
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
