//! Settings written out in each grammar, password included: for tests alone.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    config::{Choice, Host, Settings},
    identity::Identity,
};

/// The settings as libpq's pairs, without `host`, `port` and `hostaddr`.
fn pairs(settings: &Settings) -> Vec<(&'static str, String)> {
    let seconds = |time: std::time::Duration| time.as_secs().to_string();
    let keepalives = settings.keepalives;
    let password = match &settings.identity {
        Identity::Password(password) => Some(password.expose().to_owned()),
        _ => None,
    };
    let root_cert = settings.ssl_root_cert.as_ref().map(|file| file.display().to_string());
    let stated = [
        ("user", settings.user.clone()),
        ("password", password),
        ("dbname", settings.database.clone()),
        ("sslmode", Some(settings.ssl_mode.name().to_owned())),
        ("sslnegotiation", Some(settings.ssl_negotiation.name().to_owned())),
        ("sslrootcert", root_cert),
        ("channel_binding", Some(settings.channel_binding.name().to_owned())),
        ("application_name", settings.application_name.clone()),
        ("options", settings.options.clone()),
        ("connect_timeout", settings.connect_timeout.map(seconds)),
        ("tcp_user_timeout", settings.tcp_user_timeout.map(|time| time.as_millis().to_string())),
        ("keepalives", Some(u8::from(keepalives.enabled).to_string())),
        ("keepalives_idle", keepalives.idle.map(seconds)),
        ("keepalives_interval", keepalives.interval.map(seconds)),
        ("keepalives_count", keepalives.retries.map(|count| count.to_string())),
        ("target_session_attrs", Some(settings.target_session_attrs.name().to_owned())),
        ("load_balance_hosts", settings.load_balance_hosts.then(|| "random".to_owned())),
    ];
    stated.into_iter().filter_map(|(keyword, value)| Some((keyword, value?))).collect()
}

fn joined<T: ToString>(settings: &Settings, part: impl Fn(&Host) -> T) -> String {
    settings.hosts.iter().map(|host| part(host).to_string()).collect::<Vec<_>>().join(",")
}

fn addresses(settings: &Settings) -> Option<(&'static str, String)> {
    let text = joined(settings, |host| {
        host.address().map(|address| address.to_string()).unwrap_or_default()
    });
    settings.hosts.iter().any(|host| host.address().is_some()).then_some(("hostaddr", text))
}

/// `host:port,[::1]:port`
fn authority(settings: &Settings) -> String {
    joined(settings, |host| match host.name() {
        name if name.contains(':') => format!("[{name}]:{}", host.port()),
        name => format!("{name}:{}", host.port()),
    })
}

pub(super) fn keyword_value(settings: &Settings) -> String {
    let mut pairs = pairs(settings);
    pairs.push(("host", joined(settings, |host| host.name().to_owned())));
    pairs.push(("port", joined(settings, Host::port)));
    pairs.extend(addresses(settings));
    let quote = |value: &str| value.replace('\\', r"\\").replace('\'', r"\'");
    let written = pairs.iter().map(|(keyword, value)| format!("{keyword} = '{}'", quote(value)));
    written.collect::<Vec<_>>().join(" ")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn query(pairs: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let written = pairs.into_iter().map(|(key, value)| format!("{key}={}", encode(&value)));
    written.collect::<Vec<_>>().join("&")
}

pub(super) fn uri(settings: &Settings) -> String {
    let mut pairs = pairs(settings);
    let mut take = |wanted: &str| {
        let index = pairs.iter().position(|(keyword, _)| *keyword == wanted);
        index.map(|index| encode(&pairs.remove(index).1))
    };
    let user = take("user").unwrap_or_default();
    let password = take("password").map(|password| format!(":{password}")).unwrap_or_default();
    let database = take("dbname").unwrap_or_default();
    pairs.extend(addresses(settings));
    let query = query(pairs);
    format!("postgresql://{user}{password}@{}/{database}?{query}", authority(settings))
}

/// JDBC has no word for fixed addresses and the finer figures of TCP.
pub(super) fn expressible_in_jdbc(mut settings: Settings) -> Settings {
    settings = without_addresses(settings);
    settings.tcp_user_timeout = None;
    settings.keepalives.idle = None;
    settings.keepalives.interval = None;
    settings.keepalives.retries = None;
    settings
}

fn without_addresses(mut settings: Settings) -> Settings {
    for host in &mut settings.hosts {
        *host = Host::new(host.name(), host.port());
    }
    settings
}

pub(super) fn jdbc_url(settings: &Settings) -> String {
    let database = settings.database.as_deref().map(encode).unwrap_or_default();
    let properties = pairs(settings).into_iter().filter(|(keyword, _)| *keyword != "dbname");
    let query = query(properties.map(|(keyword, value)| match keyword {
        "sslnegotiation" => ("sslNegotiation", value),
        "channel_binding" => ("channelBinding", value),
        "application_name" => ("ApplicationName", value),
        "connect_timeout" => ("connectTimeout", value),
        "keepalives" => ("tcpKeepAlive", (value == "1").to_string()),
        "target_session_attrs" => ("targetServerType", target_server_type(&value)),
        "load_balance_hosts" => ("loadBalanceHosts", (value == "random").to_string()),
        _ => (keyword, value),
    }));
    format!("jdbc:postgresql://{}/{database}?{query}", authority(settings))
}

fn target_server_type(attrs: &str) -> String {
    attrs.replace("prefer-standby", "preferSecondary").replace("standby", "secondary")
}

/// ADO.NET has no word for fixed addresses, the TCP user timeout and the number of probes.
pub(super) fn expressible_in_ado_net(mut settings: Settings) -> Settings {
    settings = without_addresses(settings);
    settings.tcp_user_timeout = None;
    settings.keepalives.retries = None;
    settings
}

pub(super) fn ado_net(settings: &Settings) -> String {
    let quote = |value: &str| value.replace('"', "\"\"");
    let mut text = format!("Host={};", authority(settings));
    for (keyword, value) in pairs(settings) {
        let (keyword, value) = match keyword {
            "user" => ("User Id", value),
            "dbname" => ("Database", value),
            "sslmode" => ("Ssl Mode", value.replace('-', "")),
            "sslnegotiation" => ("SSL Negotiation", value),
            "sslrootcert" => ("Root Certificate", value),
            "channel_binding" => ("Channel Binding", value),
            "application_name" => ("Application Name", value),
            "connect_timeout" => ("Timeout", value),
            "keepalives" => ("TCP Keepalive", (value == "1").to_string()),
            "keepalives_idle" => ("TCP Keepalive Time", value),
            "keepalives_interval" => ("TCP Keepalive Interval", value),
            "target_session_attrs" => ("Target Session Attributes", value),
            "load_balance_hosts" => ("Load Balance Hosts", (value == "random").to_string()),
            _ => (keyword, value),
        };
        text.push_str(&format!("{keyword}=\"{}\";", quote(&value)));
    }
    text
}
