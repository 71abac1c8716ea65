//! What to say if no variable names a host.

use super::{
    Found, Provenance, Variables, aspire,
    libpq::{DATABASE_URL, PGHOST},
};
use crate::{
    config::parameters::{Parameter, Parameters},
    error::{ConfigError, ConfigErrorKind},
};

/// Endings of variables that belong to one connection of Service Connector's.
const OF_SERVICE_CONNECTOR: [&str; 2] = ["_CONNECTIONSTRING", "_HOST"];

/// What libpq reads a connection's parameters from a file by
/// ([documentation](https://www.postgresql.org/docs/current/libpq-pgservice.html)).
const PGSERVICE: &str = "PGSERVICE";

/// Refuses variables that name no host.
pub(super) fn require_host(found: &Found, variables: &Variables<'_>) -> Result<(), ConfigError> {
    let Found { parameters, provenance } = found;
    if parameters.get("host").is_some() {
        return Ok(());
    }
    let accepted = accepted_names(variables);
    let has_other = other_connection(variables).is_some();
    if let Some(address) = parameters.get("hostaddr").filter(|_| !has_other) {
        return Err(address.error(
            ConfigErrorKind::Missing,
            "an address is stated without the host name that the server's certificate must carry",
            format!("state the host name too, in {accepted}"),
        ));
    }
    let hides_url = *provenance != Provenance::Libpq
        && variables.names().has_default_prefix()
        && variables.is_set(DATABASE_URL);
    Err(match stated(parameters) {
        Some(leftover) if hides_url => leftover.error(
            ConfigErrorKind::Missing,
            format!(
                "no host is stated beside it, and because it is set {DATABASE_URL} is not read"
            ),
            format!("unset it, or state the host in {accepted}"),
        ),
        // What libpq's variables state besides a host means no connection by itself.
        Some(parameter) if names_connection(parameters) && !has_other => parameter.error(
            ConfigErrorKind::Missing,
            "no host is stated beside it",
            format!("state it there or in {accepted}"),
        ),
        _ => nothing_set(variables, &accepted),
    })
}

const OF_CONNECTION: [&str; 4] = ["user", "dbname", "port", "password"];

fn stated(parameters: &Parameters) -> Option<&Parameter> {
    let of_connection = OF_CONNECTION.into_iter().find_map(|keyword| parameters.get(keyword));
    of_connection.or_else(|| parameters.iter().map(|(_, parameter)| parameter).next())
}

fn names_connection(parameters: &Parameters) -> bool {
    OF_CONNECTION.into_iter().any(|keyword| parameters.get(keyword).is_some())
}

fn nothing_set(variables: &Variables<'_>, accepted: &str) -> ConfigError {
    let fix = match other_connection(variables) {
        Some((name, choice)) => {
            format!("{name} is set: choose it with {choice}, or set one of {accepted}")
        }
        None if variables.is_set(PGSERVICE) => format!(
            "{PGSERVICE} names an entry of libpq's service file, which is not read: set one of {accepted}"
        ),
        None => format!("set one of {accepted}"),
    };
    ConfigError::new(ConfigErrorKind::Missing, "no variable says which database to connect to", fix)
}

/// A variable of a connection that has other names, and how to choose that.
fn other_connection(variables: &Variables<'_>) -> Option<(String, String)> {
    variables.all_names().into_iter().find_map(|name| {
        let choice = choice(&name)?;
        variables.is_set(&name).then_some((name, choice))
    })
}

fn choice(name: &str) -> Option<String> {
    if let Some(connection) = name.strip_prefix("AZURE_POSTGRESQL_") {
        let suffix = OF_SERVICE_CONNECTOR.into_iter().find_map(|end| connection.strip_suffix(end));
        return suffix
            .map(|connection| format!("AZURE_POSTGRESQL_{connection}"))
            .map(|prefix| format!("ConnectionNames::new(\"{prefix}\") or --connection {prefix}"));
    }
    let of_app_service = ["POSTGRESQLCONNSTR_", "CUSTOMCONNSTR_"];
    if of_app_service.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(format!(
            "ConnectionNames::default().with_renamed(\"AZURE_POSTGRESQL_CONNECTIONSTRING\", \"{name}\")"
        ));
    }
    if let Some(resource) = name.strip_prefix("ConnectionStrings__") {
        return Some(of_aspire(resource));
    }
    let resource = name.strip_suffix("_JDBCCONNECTIONSTRING")?;
    Some(of_aspire(&resource.to_ascii_lowercase()))
}

fn of_aspire(resource: &str) -> String {
    format!("ConnectionNames::aspire(\"{resource}\") or --aspire {resource}")
}

/// The variables that can name a host.
fn accepted_names(variables: &Variables<'_>) -> String {
    let names = variables.names();
    let mut accepted = match names.aspire_resource() {
        Some(resource) => aspire::connection_string_names(variables, resource).to_vec(),
        None => vec![names.of_connection("CONNECTIONSTRING")],
    };
    accepted.push(names.of_connection("HOST"));
    if names.has_default_prefix() {
        accepted.extend(["spring.datasource.url", DATABASE_URL, PGHOST].map(str::to_owned));
    }
    accepted.join(", ")
}
