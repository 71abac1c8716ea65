//! What to say if no variable names a host.

use super::{
    ConnectionNames,
    libpq::{DATABASE_URL, PGHOST},
};
use crate::{
    config::parameters::Parameters,
    error::{ConfigError, ConfigErrorKind},
};

pub(super) fn require_host(
    parameters: &Parameters,
    names: &ConnectionNames,
) -> Result<(), ConfigError> {
    if parameters.get("host").is_some() {
        return Ok(());
    }
    if let Some(address) = parameters.get("hostaddr") {
        return Err(address.error(
            ConfigErrorKind::Missing,
            "an address is stated without the host name that the server's certificate must carry",
            format!("state the host name too, in {}", accepted_names(names)),
        ));
    }
    let stated = ["user", "dbname", "port", "password"].into_iter().find_map(|k| parameters.get(k));
    Err(match stated {
        Some(parameter) => parameter.error(
            ConfigErrorKind::Missing,
            "no host is stated beside it",
            format!("state it there or in {}", accepted_names(names)),
        ),
        None => nothing_set(names),
    })
}

fn nothing_set(names: &ConnectionNames) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "no variable says which database to connect to",
        format!("set one of {}", accepted_names(names)),
    )
}

/// The variables that can name a host.
fn accepted_names(names: &ConnectionNames) -> String {
    let mut accepted = vec![names.of_connection("CONNECTIONSTRING"), names.of_connection("HOST")];
    if names.has_default_prefix() {
        accepted.extend(["spring.datasource.url", DATABASE_URL, PGHOST].map(str::to_owned));
    }
    accepted.join(", ")
}
