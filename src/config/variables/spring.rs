//! The keys of Service Connector's Spring Boot client type, in all the spellings that platforms
//! make of them: `spring.datasource.url`, `spring_datasource_url`, `SPRING_DATASOURCE_URL`
//! ([documentation](https://docs.spring.io/spring-boot/reference/features/external-config.html#features.external-config.typesafe-configuration-properties.relaxed-binding)).

use super::{Variable, Variables};
use crate::{
    config::{
        connection_string::{is_for_another_database, parse_jdbc_url},
        parameters::Parameters,
    },
    error::{ConfigError, ConfigErrorKind},
};

/// Keys of the data source go before those of the whole application
/// ([documentation](https://learn.microsoft.com/azure/developer/java/spring-framework/postgresql-support#configuration)).
pub(super) const CLIENT_ID: [&str; 2] =
    ["spring.datasource.azure.credential.client-id", "spring.cloud.azure.credential.client-id"];
pub(super) const CLIENT_SECRET: [&str; 2] = [
    "spring.datasource.azure.credential.client-secret",
    "spring.cloud.azure.credential.client-secret",
];
/// The key in which Service Connector states the tenant of a service principal.
pub(super) const CREDENTIAL_TENANT_ID: [&str; 2] =
    ["spring.datasource.azure.credential.tenant-id", "spring.cloud.azure.credential.tenant-id"];
/// The key that Spring Cloud Azure documents. It is set for many purposes.
pub(super) const PROFILE_TENANT_ID: [&str; 2] =
    ["spring.datasource.azure.profile.tenant-id", "spring.cloud.azure.profile.tenant-id"];
const URL: &str = "spring.datasource.url";
const USERNAME: &str = "spring.datasource.username";
const PASSWORD: &str = "spring.datasource.password";
const MANAGED_IDENTITY: [&str; 3] = [
    "spring.datasource.azure.credential.managed-identity-enabled",
    "spring.cloud.azure.credential.client-managed-identity-enabled",
    "spring.cloud.azure.credential.managed-identity-enabled",
];

/// The parameters that Spring's keys state; `None` without a JDBC URL of PostgreSQL.
pub(super) fn find(variables: &Variables<'_>) -> Result<Option<Parameters>, ConfigError> {
    let Some(url) = get(variables, URL)? else { return Ok(None) };
    if is_for_another_database(&url.value) {
        return Ok(None);
    }
    let mut parameters = parse_jdbc_url(&url.value, &url.name)?;
    for (key, keyword) in [(USERNAME, "user"), (PASSWORD, "password")] {
        if let Some(variable) = get(variables, key)? {
            parameters.reconcile(Parameters::single(keyword, variable.value, &variable.name))?;
        }
    }
    Ok(Some(parameters))
}

/// Whether the keys ask for a managed identity.
pub(super) fn asks_for_managed_identity(variables: &Variables<'_>) -> Result<bool, ConfigError> {
    for key in MANAGED_IDENTITY {
        if get(variables, key)?.is_some_and(|flag| flag.value.eq_ignore_ascii_case("true")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first of the keys that is there.
pub(super) fn first(
    variables: &Variables<'_>,
    keys: [&str; 2],
) -> Result<Option<Variable>, ConfigError> {
    let [own, shared] = keys;
    match get(variables, own)? {
        Some(variable) => Ok(Some(variable)),
        None => get(variables, shared),
    }
}

/// A key in any spelling. Spring's keys know no second connection, so they belong to the first one,
/// unless they have been renamed for another.
fn get(variables: &Variables<'_>, key: &str) -> Result<Option<Variable>, ConfigError> {
    let customized = variables.names().customized(key);
    if customized.is_none() && !variables.names().has_default_prefix() {
        return Ok(None);
    }
    let mut found: Option<Variable> = None;
    for name in variables.names_spelled_like(customized.unwrap_or(key)) {
        let Some(variable) = read(variables, key, name)? else { continue };
        match &found {
            Some(first) if first.value != variable.value => return Err(conflict(first, &variable)),
            _ => found = Some(variable),
        }
    }
    Ok(found)
}

fn read(variables: &Variables<'_>, key: &str, name: &str) -> Result<Option<Variable>, ConfigError> {
    if key == PASSWORD { variables.get_verbatim(name) } else { variables.get(name) }
}

fn conflict(first: &Variable, second: &Variable) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Conflict,
        format!("states another value than {}, which is the same key", second.name),
        format!("unset one of {} and {}", first.name, second.name),
    )
    .in_variable(&first.name)
}
