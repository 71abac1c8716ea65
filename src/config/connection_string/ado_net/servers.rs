//! `Host` and `Port`: lists of servers, as Npgsql reads them.

use crate::config::parameters::Pairs;

/// `Host` may be a list, each with a port of its own.
pub(super) fn push_hosts(value: &str, pairs: &mut Pairs) {
    let servers: Vec<_> = value.split(',').map(|server| split_host_port(server.trim())).collect();
    let (hosts, ports): (Vec<_>, Vec<_>) = servers.into_iter().unzip();
    pairs.push(("host", hosts.join(",")));
    let states_port = ports.iter().any(|port| !port.is_empty());
    pairs.push(("port", if states_port { ports.join(",") } else { String::new() }));
}

/// Npgsql's `TrySplitHostPort`: one colon, or a colon after the bracket of an IPv6 address. What is no
/// number is no port but a part of the host, where it is refused.
fn split_host_port(server: &str) -> (&str, &str) {
    if let Some((address, rest)) = server.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && address.contains(':')
    {
        return (address, rest.strip_prefix(':').unwrap_or(rest));
    }
    let is_number = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    server.split_once(':').filter(|(_, port)| is_number(port)).unwrap_or((server, ""))
}

/// `Port` counts for the hosts that state none themselves.
pub(super) fn apply_port(port: String, pairs: &mut Pairs) {
    let stated = pairs.iter_mut().rev().find(|(keyword, _)| *keyword == "port");
    match stated {
        Some((_, ports)) if !ports.is_empty() && !port.is_empty() => {
            let filled: Vec<_> = ports
                .split(',')
                .map(|own| if own.is_empty() { port.as_str() } else { own })
                .collect();
            *ports = filled.join(",");
        }
        Some((_, ports)) if !ports.is_empty() => {}
        _ => pairs.push(("port", port)),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::connection_string::{ado_net, stated};

    fn value(text: &str, keyword: &str) -> Option<String> {
        stated(ado_net::parse(text).unwrap(), keyword)
    }

    #[test]
    fn a_host_may_carry_its_port() {
        let cases = [
            ("Host=a:1", "a", Some("1")),
            ("Port=2;Host=a:1, b", "a,b", Some("1,2")),
            ("Host=a,b;Port=2", "a,b", Some("2")),
            ("Host=[::1]:7", "::1", Some("7")),
            ("Host=::1", "::1", None),
            ("Host=[your-host]", "[your-host]", None),
            ("Host=tcp:a", "tcp:a", None),
            ("Host=${HOST:-a}", "${HOST:-a}", None),
            ("Host=a:1;Host=b", "b", None),
        ];
        for (text, host, port) in cases {
            assert_eq!(value(text, "host").as_deref(), Some(host), "{text}");
            assert_eq!(value(text, "port").as_deref(), port, "{text}");
        }
    }
}
