//! `DATABASE_URL`, and the variables that libpq reads
//! ([list](https://www.postgresql.org/docs/current/libpq-envars.html)).

use super::Variables;
use crate::{
    config::{
        connection_string,
        parameters::{Parameters, keywords},
    },
    error::ConfigError,
};

pub(super) const DATABASE_URL: &str = "DATABASE_URL";
pub(super) const PGHOST: &str = "PGHOST";
pub(super) const PGPASSWORD: &str = "PGPASSWORD";

/// What `DATABASE_URL` states, in any of the four grammars.
pub(super) fn database_url(variables: &Variables<'_>) -> Result<Parameters, ConfigError> {
    match variables.get_verbatim(DATABASE_URL)? {
        Some(url) => connection_string::parse(&url.value, &url.name),
        None => Ok(Parameters::default()),
    }
}

/// Fills what is missing from libpq's variables. `PGPASSWORD` is not among them: it is an identity,
/// and decided upon with the others.
///
/// A connection with a prefix of its own is never made up from `PGHOST`: a mistyped prefix would
/// reach another database.
pub(super) fn fill(
    parameters: &mut Parameters,
    variables: &Variables<'_>,
) -> Result<(), ConfigError> {
    for (name, keyword) in keywords::variables() {
        if parameters.get(keyword).is_some()
            || (keyword == "host" && !variables.names().has_default_prefix())
            || (keyword == "hostaddr" && is_of_another_host(parameters, variables)?)
        {
            continue;
        }
        if let Some(variable) = variables.get(name)? {
            parameters.set(keyword, variable.value, &variable.name);
        }
    }
    Ok(())
}

/// Whether `PGHOSTADDR` is the address of a host that is not the one in force: `PGHOST` names it.
fn is_of_another_host(
    parameters: &Parameters,
    variables: &Variables<'_>,
) -> Result<bool, ConfigError> {
    let Some(named) = variables.get(PGHOST)? else { return Ok(false) };
    let host = parameters.get("host");
    Ok(host.is_none_or(|host| !host.value.eq_ignore_ascii_case(&named.value)))
}
