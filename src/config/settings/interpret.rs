//! Parameters to settings: the one place that gives libpq's keywords their meaning.

use std::{
    net::{AddrParseError, IpAddr},
    num::ParseIntError,
    path::PathBuf,
    time::Duration,
};

use super::{
    Settings,
    host::{DEFAULT_PORT, Host},
    modes::{Choice, Keepalives, LoadBalanceHosts, TargetSessionAttrs},
};
use crate::{
    config::parameters::{Parameter, Parameters, keywords},
    error::{ConfigError, ConfigErrorKind},
    identity::Identity,
};

/// What is always reported, also when no variable states it.
const ALWAYS_REPORTED: [&str; 4] = ["port", "user", "dbname", "sslmode"];

/// The variables that speak of who logs in.
pub(in crate::config) struct IdentityVariables {
    pub(in crate::config) identity: Option<String>,
    pub(in crate::config) tenant_id: Option<String>,
    pub(in crate::config) client_id: Option<String>,
    /// States an identity that a password goes before.
    pub(in crate::config) passed_over: Option<String>,
}

/// The settings that the parameters make with an identity.
pub(in crate::config) fn interpret(
    parameters: &Parameters,
    identity: Identity,
    stated_in: IdentityVariables,
) -> Result<Settings, ConfigError> {
    parameters.check_supported()?;
    check_required_auth(parameters, identity.uses_token())?;
    let mut settings = Settings::for_hosts(hosts(parameters)?, identity);
    settings.database = text(parameters, "dbname");
    settings.user = text(parameters, "user");
    settings.ssl_mode = choice(parameters, "sslmode")?.unwrap_or_default();
    settings.ssl_negotiation = choice(parameters, "sslnegotiation")?.unwrap_or_default();
    settings.ssl_root_cert = root_cert(parameters);
    settings.channel_binding = choice(parameters, "channel_binding")?.unwrap_or_default();
    settings.application_name = text(parameters, "application_name")
        .or_else(|| text(parameters, "fallback_application_name"));
    settings.options = options(parameters);
    settings.connect_timeout = duration(parameters, "connect_timeout", Duration::from_secs)?;
    settings.tcp_user_timeout = tcp_user_timeout(parameters)?;
    settings.keepalives = keepalives(parameters)?;
    settings.target_session_attrs = target_session_attrs(parameters)?;
    settings.load_balance_hosts =
        choice(parameters, "load_balance_hosts")? == Some(LoadBalanceHosts::Random);
    record_origins(&mut settings, parameters, &stated_in);
    settings.passed_over = stated_in.passed_over;
    Ok(settings)
}

fn record_origins(settings: &mut Settings, parameters: &Parameters, stated_in: &IdentityVariables) {
    for setting in ALWAYS_REPORTED {
        settings.origins.record(setting, None);
    }
    for (keyword, parameter) in parameters.iter().filter(|(keyword, _)| *keyword != "password") {
        settings.origins.record(keyword, Some(&parameter.variable));
    }
    settings.origins.record("identity", stated_in.identity.as_deref());
    let ids = [("tenant_id", &stated_in.tenant_id), ("client_id", &stated_in.client_id)];
    for (id, variable) in ids.into_iter().filter(|(_, variable)| variable.is_some()) {
        settings.origins.record(id, variable.as_deref());
    }
}

/// The servers: `host`, `hostaddr` and `port` are lists of the same length, or one port for all.
fn hosts(parameters: &Parameters) -> Result<Vec<Host>, ConfigError> {
    let names = list(parameters.get("host"));
    let addresses = addresses(parameters.get("hostaddr"), names.len())?;
    let ports = ports(parameters.get("port"), names.len())?;
    let mut hosts = Vec::with_capacity(names.len());
    for ((name, address), port) in names.into_iter().zip(addresses).zip(ports) {
        let host = Host::new(name, port);
        hosts.push(match address {
            Some(address) => host.with_address(address),
            None => host,
        });
    }
    Ok(hosts)
}

fn list(parameter: Option<&Parameter>) -> Vec<&str> {
    parameter.map(|p| p.value.split(',').map(str::trim).collect()).unwrap_or_default()
}

/// One address for each host; an empty one stands for a name that is to be resolved.
fn addresses(stated: Option<&Parameter>, hosts: usize) -> Result<Vec<Option<IpAddr>>, ConfigError> {
    let Some(parameter) = stated else { return Ok(vec![None; hosts]) };
    let addresses = list(stated);
    if addresses.len() != hosts {
        return Err(count_mismatch(parameter, "hostaddr"));
    }
    addresses.into_iter().map(|address| parse_address(parameter, address)).collect()
}

/// One port for each host.
fn ports(stated: Option<&Parameter>, hosts: usize) -> Result<Vec<u16>, ConfigError> {
    let Some(parameter) = stated else { return Ok(vec![DEFAULT_PORT; hosts]) };
    let ports = list(stated);
    if let [port] = ports[..] {
        return Ok(vec![parse_port(parameter, port)?; hosts]);
    }
    if ports.len() != hosts {
        return Err(count_mismatch(parameter, "port"));
    }
    ports.into_iter().map(|port| parse_port(parameter, port)).collect()
}

fn parse_port(parameter: &Parameter, port: &str) -> Result<u16, ConfigError> {
    match port {
        "" => Ok(DEFAULT_PORT),
        _ => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            malformed(parameter, "port", "is not a number from 1 to 65535", "write 5432 or 6432")
        }),
    }
}

fn parse_address(parameter: &Parameter, address: &str) -> Result<Option<IpAddr>, ConfigError> {
    if address.is_empty() {
        return Ok(None);
    }
    address.parse().map(Some).map_err(|error: AddrParseError| {
        let fix = "write an IPv4 or IPv6 address, and a name in `host`";
        malformed(parameter, "hostaddr", "is not an IP address", fix).with_cause(error)
    })
}

fn count_mismatch(parameter: &Parameter, keyword: &str) -> ConfigError {
    let fix = "state as many as there are hosts";
    malformed(parameter, keyword, "does not have one entry for each host", fix)
}

fn text(parameters: &Parameters, keyword: &str) -> Option<String> {
    parameters.get(keyword).map(|parameter| parameter.value.to_string())
}

/// Options for the server, with the session's settings that have words of their own; of two statements
/// the server takes the later one.
fn options(parameters: &Parameters) -> Option<String> {
    let stated = text(parameters, "options");
    let of_session = keywords::of_session().filter_map(|name| {
        let value = text(parameters, name).filter(|value| !is_default(value))?;
        Some(format!("-c {name}={}", escape(&value)))
    });
    let options: Vec<_> = stated.into_iter().chain(of_session).collect();
    (!options.is_empty()).then(|| options.join(" "))
}

/// libpq sends nothing for this word in a variable
/// ([source](https://github.com/postgres/postgres/blob/master/src/interfaces/libpq/fe-protocol3.c)).
fn is_default(value: &str) -> bool {
    value.eq_ignore_ascii_case("default")
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

/// `system` asks for the system's roots, which are always trusted.
fn root_cert(parameters: &Parameters) -> Option<PathBuf> {
    text(parameters, "sslrootcert").filter(|file| file != "system").map(PathBuf::from)
}

fn choice<T: Choice>(parameters: &Parameters, keyword: &str) -> Result<Option<T>, ConfigError> {
    let Some(parameter) = parameters.get(keyword) else { return Ok(None) };
    T::from_name(&parameter.value).map(Some).ok_or_else(|| {
        let fix = format!("write one of: {}", T::accepted_names());
        malformed(parameter, keyword, "has an unknown value", fix)
    })
}

fn target_session_attrs(parameters: &Parameters) -> Result<TargetSessionAttrs, ConfigError> {
    const KEYWORD: &str = "target_session_attrs";
    match parameters.get(KEYWORD) {
        Some(preference) if *preference.value == "prefer-primary" => Err(preference.error(
            ConfigErrorKind::Unsupported,
            format!("`{KEYWORD}` can't be honoured: libpq knows no preference for a primary"),
            format!("write one of: {}", TargetSessionAttrs::accepted_names()),
        )),
        _ => Ok(choice(parameters, KEYWORD)?.unwrap_or_default()),
    }
}

fn integer(parameters: &Parameters, keyword: &str) -> Result<Option<i32>, ConfigError> {
    let Some(parameter) = parameters.get(keyword) else { return Ok(None) };
    parameter.value.trim().parse().map(Some).map_err(|error: ParseIntError| {
        let fix = "write digits alone, without a unit";
        malformed(parameter, keyword, "is not a whole number", fix).with_cause(error)
    })
}

/// Zero and negative figures stand for the default, as in libpq.
fn positive(parameters: &Parameters, keyword: &str) -> Result<Option<u32>, ConfigError> {
    let figure = integer(parameters, keyword)?;
    Ok(figure.and_then(|figure| u32::try_from(figure).ok()).filter(|figure| *figure > 0))
}

fn duration(
    parameters: &Parameters,
    keyword: &str,
    unit: fn(u64) -> Duration,
) -> Result<Option<Duration>, ConfigError> {
    Ok(positive(parameters, keyword)?.map(|figure| unit(figure.into())))
}

/// Zero says that the system's own limit is wanted, which is not the same as saying nothing.
fn tcp_user_timeout(parameters: &Parameters) -> Result<Option<Duration>, ConfigError> {
    let figure = integer(parameters, "tcp_user_timeout")?;
    let millis = figure.map(|figure| u64::try_from(figure).unwrap_or_default());
    Ok(millis.map(Duration::from_millis))
}

fn keepalives(parameters: &Parameters) -> Result<Keepalives, ConfigError> {
    Ok(Keepalives {
        enabled: integer(parameters, "keepalives")?.is_none_or(|figure| figure != 0),
        idle: duration(parameters, "keepalives_idle", Duration::from_secs)?,
        interval: duration(parameters, "keepalives_interval", Duration::from_secs)?,
        retries: positive(parameters, "keepalives_count")?,
    })
}

/// A token is sent as a cleartext password, so the methods that are asked for must include
/// `password`.
/// With a password the server chooses the method, and tokio-postgres can't restrict it.
fn check_required_auth(parameters: &Parameters, uses_token: bool) -> Result<(), ConfigError> {
    let Some(parameter) = parameters.get("require_auth") else { return Ok(()) };
    let reason =
        if uses_token { "a token is sent as a password" } else { "the server chooses the method" };
    if uses_token && permits_password(&parameter.value) {
        return Ok(());
    }
    Err(parameter.error(
        ConfigErrorKind::Unsupported,
        format!("`require_auth` can't be honoured: {reason}"),
        if uses_token { "write `password`, or remove it" } else { "remove it" },
    ))
}

fn permits_password(methods: &str) -> bool {
    let mut methods = methods.split(',').map(str::trim);
    if methods.clone().any(|method| method.starts_with('!')) {
        methods.all(|method| method != "!password")
    } else {
        methods.any(|method| method == "password")
    }
}

/// An error about a parameter; the text names it, because a connection string holds several.
fn malformed(
    parameter: &Parameter,
    keyword: &str,
    problem: &str,
    fix: impl Into<String>,
) -> ConfigError {
    ConfigError::malformed(format!("`{keyword}` {problem}"), fix).in_variable(&parameter.variable)
}
