//! The variables that Aspire sets for a resource
//! ([documentation](https://aspire.dev/integrations/databases/postgres/postgres-host/)).

use super::Variables;
use crate::{
    config::{connection_string, parameters::Parameters},
    error::ConfigError,
};

/// Variables that hold one parameter each.
const SPLIT: [(&str, &str); 4] =
    [("HOST", "host"), ("PORT", "port"), ("USERNAME", "user"), ("DATABASENAME", "dbname")];

/// The parameters that the resource's variables state, which must not contradict each other.
pub(super) fn find(variables: &Variables<'_>, resource: &str) -> Result<Parameters, ConfigError> {
    let mut parameters = Parameters::default();
    for name in connection_string_names(variables, resource) {
        if let Some(text) = variables.get_verbatim(&name)? {
            parameters.reconcile(connection_string::parse(&text.value, &text.name)?)?;
        }
    }
    for (suffix, keyword) in SPLIT {
        if let Some(variable) = variables.of_connection(suffix)? {
            let single = Parameters::single(keyword, variable.value, &variable.name);
            parameters.reconcile(single)?;
        }
    }
    if let Some(password) = variables.get_verbatim(&variables.names().of_connection("PASSWORD"))? {
        parameters.reconcile(Parameters::single("password", password.value, &password.name))?;
    }
    Ok(parameters)
}

/// For .NET the string has the resource's own name.
pub(super) fn connection_string_names(variables: &Variables<'_>, resource: &str) -> [String; 3] {
    [
        variables.names().of_connection("URI"),
        variables.names().of_connection("JDBCCONNECTIONSTRING"),
        format!("ConnectionStrings__{resource}"),
    ]
}
