//! The variables that Service Connector sets for all client types but Spring Boot
//! ([documentation](https://learn.microsoft.com/azure/service-connector/how-to-integrate-postgres)).

use super::{Variable, Variables};
use crate::{
    config::{
        connection_string,
        parameters::Parameters,
        settings::{Choice, SslMode},
    },
    error::ConfigError,
};

const CONNECTION_STRING: &str = "CONNECTIONSTRING";

/// What App Service puts before the names of its own "connection strings"
/// ([documentation](https://learn.microsoft.com/azure/app-service/configure-common#configure-connection-strings)).
const APP_SERVICE_PREFIXES: [&str; 2] = ["POSTGRESQLCONNSTR_", "CUSTOMCONNSTR_"];

/// Variables that hold one parameter each. Django's client type says `NAME` for the database, and
/// "other" says `USERNAME` for the user.
const SPLIT: [(&str, &str); 6] = [
    ("HOST", "host"),
    ("PORT", "port"),
    ("USER", "user"),
    ("USERNAME", "user"),
    ("DATABASE", "dbname"),
    ("NAME", "dbname"),
];

/// The parameters that the connection's variables state, which must not contradict each other.
pub(super) fn find(variables: &Variables<'_>) -> Result<Parameters, ConfigError> {
    let mut parameters = Parameters::default();
    for name in connection_string_names(variables) {
        if let Some(text) = variables.get_verbatim(&name)? {
            parameters.reconcile(connection_string::parse(&text.value, &text.name)?)?;
        }
    }
    for (suffix, keyword) in SPLIT {
        if let Some(variable) = variables.of_connection(suffix)? {
            check_service_link(&variable)?;
            parameters.reconcile(Parameters::single(keyword, variable.value, &variable.name))?;
        }
    }
    if let Some(password) = variables.get_verbatim(&variables.names().of_connection("PASSWORD"))? {
        parameters.reconcile(Parameters::single("password", password.value, &password.name))?;
    }
    if let Some(ssl) = variables.of_connection("SSL")? {
        let mode = ssl_mode(&ssl)?.name().to_owned();
        parameters.reconcile(Parameters::single("sslmode", mode, &ssl.name))?;
    }
    Ok(parameters)
}

/// The connection string's own name, and those under which App Service hands it on; a connection
/// string of App Service may also carry just the prefix as its name.
fn connection_string_names(variables: &Variables<'_>) -> Vec<String> {
    let name = variables.names().of_connection(CONNECTION_STRING);
    let mut names = vec![name.clone()];
    for prefix in APP_SERVICE_PREFIXES {
        names.push(format!("{prefix}{name}"));
        names.push(format!("{prefix}{}", variables.names().prefix()));
    }
    names
}

/// `SSL` is `true` or `false`; libpq's modes are understood as well.
fn ssl_mode(ssl: &Variable) -> Result<SslMode, ConfigError> {
    match ssl.value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(SslMode::Require),
        "false" | "0" => Ok(SslMode::Disable),
        name => SslMode::from_name(name).ok_or_else(|| {
            ConfigError::malformed("is neither `true` nor `false`", "set it to `true`")
                .in_variable(&ssl.name)
        }),
    }
}

/// Kubernetes sets `AZURE_POSTGRESQL_PORT` to an address in each pod beside a service of the name
/// `azure-postgresql`
/// ([documentation](https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)).
fn check_service_link(variable: &Variable) -> Result<(), ConfigError> {
    if !variable.value.starts_with("tcp://") {
        return Ok(());
    }
    Err(ConfigError::malformed(
        "is the address of a Kubernetes service (tcp://...), not a port from 1 to 65535; because it \
         is set DATABASE_URL is not read",
        "give the pod `enableServiceLinks: false`, or unset it",
    )
    .in_variable(&variable.name))
}
