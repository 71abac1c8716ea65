//! Npgsql's connection string keywords and values in libpq's terms.

use crate::error::ConfigError;

/// What a keyword of Npgsql states.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The same as this keyword of libpq.
    Libpq(&'static str),
    /// The schema search path of the session.
    SearchPath,
    /// The time zone of the session.
    TimeZone,
    /// Nothing that a connect has to do with.
    Nothing,
}

/// The keywords of Npgsql, past and present, that change no connect: pooling, commands, buffers, the
/// .NET side. Written without blanks.
const WITHOUT_MEANING: &[&str] = &[
    "arraynullabilitymode",
    "autoprepareminusages",
    "buffersize",
    "cancellationtimeout",
    "commandtimeout",
    "connectionidlelifetime",
    "connectionlifetime",
    "connectionpruninginterval",
    "convertinfinitydatetime",
    "efadmindatabase",
    "eftemplatedatabase",
    "encoding",
    "enlist",
    "gsscredentials",
    "hostrecheckseconds",
    "includeerrordetail",
    "includeerrordetails",
    "includefailedbatchedcommand",
    "includerealm",
    "internalcommandtimeout",
    "keepalive",
    "kerberosservicename",
    "krbsrvname",
    "loadbalancetimeout",
    "loadtablecomposites",
    "logparameters",
    "maxautoprepare",
    "maximumpoolsize",
    "maxpoolsize",
    "minimumpoolsize",
    "minpoolsize",
    "multiplexing",
    "noresetonclose",
    "persistprepared",
    "persistsecurityinfo",
    "pooling",
    "readbuffersize",
    "servercompatibilitymode",
    "socketreceivebuffersize",
    "socketsendbuffersize",
    "trustservercertificate",
    "useperfcounters",
    "usesslstream",
    "writebuffersize",
    "writecoalescingbufferthresholdbytes",
    "writecoalescingdelayus",
];

/// What a keyword states, in any spelling; blanks and case don't matter. `None` if Npgsql doesn't know
/// it.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    let name = squeeze(name);
    let keyword = match name.as_str() {
        "host" | "server" => "host",
        "port" => "port",
        "database" | "db" => "dbname",
        "username" | "userid" | "uid" => "user",
        "password" | "pwd" | "psw" => "password",
        "passfile" => "passfile",
        "applicationname" => "application_name",
        "sslmode" => "sslmode",
        "sslnegotiation" => "sslnegotiation",
        "sslcertificate" | "clientcertificate" => "sslcert",
        "sslkey" | "clientcertificatekey" => "sslkey",
        "sslpassword" => "sslpassword",
        "rootcertificate" => "sslrootcert",
        "checkcertificaterevocation" => "sslcrl",
        "channelbinding" => "channel_binding",
        "requireauth" => "require_auth",
        "gssencryptionmode" => "gssencmode",
        "clientencoding" => "client_encoding",
        "options" => "options",
        "timeout" => "connect_timeout",
        "tcpkeepalive" => "keepalives",
        "tcpkeepalivetime" => "keepalives_idle",
        "tcpkeepaliveinterval" => "keepalives_interval",
        "targetsessionattributes" => "target_session_attrs",
        "loadbalancehosts" => "load_balance_hosts",
        "replicationmode" => "replication",
        "searchpath" => return Some(Meaning::SearchPath),
        "timezone" => return Some(Meaning::TimeZone),
        name => return WITHOUT_MEANING.contains(&name).then_some(Meaning::Nothing),
    };
    Some(Meaning::Libpq(keyword))
}

/// Words of libpq and of other databases' drivers, without blanks, with Npgsql's word for the same.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("addr", "Host"),
    ("address", "Host"),
    ("catalog", "Database"),
    ("datasource", "Host"),
    ("dbname", "Database"),
    ("hostname", "Host"),
    ("initialcatalog", "Database"),
    ("login", "Username"),
    ("networkaddress", "Host"),
    ("pass", "Password"),
    ("passwd", "Password"),
    ("user", "Username"),
];

/// The error for a keyword that Npgsql doesn't know. What follows an unquoted password may be its rest,
/// and is not named.
pub(super) fn unknown(name: &str, after_bare_password: bool) -> ConfigError {
    if after_bare_password {
        return ConfigError::malformed(
            "what follows the password in the ADO.NET connection string is no keyword of Npgsql",
            "if it is part of the password, put the password in double quotes; else check its \
             spelling",
        );
    }
    let squeezed = squeeze(name);
    if let Some((_, known)) = OTHER_WORDS.iter().find(|(word, _)| *word == squeezed) {
        return ConfigError::malformed(
            format!("`{name}` is no keyword of Npgsql, and `;` makes this an ADO.NET string"),
            format!("write `{known}`, or separate the pairs of a libpq string by blanks"),
        );
    }
    let is_word = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
    let named = if is_word && !name.is_empty() { format!("`{name}`") } else { "a part".to_owned() };
    ConfigError::malformed(
        format!("{named} of the ADO.NET connection string is no keyword of Npgsql"),
        "check its spelling, and put a value that holds `;` in double quotes",
    )
}

/// The value in libpq's terms. Npgsql reads enumerations without regard to case.
pub(super) fn translate(keyword: &str, value: String) -> String {
    match keyword {
        "sslmode" => ssl_mode(&value),
        "sslnegotiation" | "channel_binding" | "gssencmode" => value.to_ascii_lowercase(),
        "target_session_attrs" => value.to_ascii_lowercase(),
        "require_auth" => require_auth(&value),
        // Not asked for, which is the default, is as if not written.
        "sslcrl" if value.eq_ignore_ascii_case("false") => String::new(),
        "replication" if value.eq_ignore_ascii_case("off") => String::new(),
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

fn squeeze(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_ascii_lowercase()
}
