//! Variables as the settings read them: under the names of one connection, and never an unresolved
//! reference to a secret store.

use zeroize::Zeroizing;

use super::names::ConnectionNames;
use crate::{
    Environment,
    error::{ConfigError, ConfigErrorKind},
};

/// What App Service leaves in a variable whose reference it couldn't resolve
/// ([documentation](https://learn.microsoft.com/azure/app-service/app-service-key-vault-references)).
const REFERENCES: [&str; 2] = ["@Microsoft.KeyVault(", "@Microsoft.AppConfiguration("];

/// A variable that is set. The value may be a secret: it has no `Debug` and is wiped when dropped.
#[derive(Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
}

/// The variables of an environment, under the names of one connection.
pub(super) struct Variables<'a> {
    environment: &'a Environment,
    names: &'a ConnectionNames,
}

impl<'a> Variables<'a> {
    pub(super) fn new(environment: &'a Environment, names: &'a ConnectionNames) -> Self {
        Self { environment, names }
    }

    pub(super) fn names(&self) -> &'a ConnectionNames {
        self.names
    }

    /// All names in the environment.
    pub(super) fn all_names(&self) -> Vec<String> {
        self.environment.names()
    }

    /// A variable by its full name, without the blanks around its value.
    pub(super) fn get(&self, name: &str) -> Result<Option<Variable>, ConfigError> {
        let variable = self.get_verbatim(name)?;
        Ok(variable.map(|Variable { name, value }| Variable {
            name,
            value: value.trim().to_owned().into(),
        }))
    }

    /// A variable by its full name, value untouched: a password may begin or end with a blank.
    pub(super) fn get_verbatim(&self, name: &str) -> Result<Option<Variable>, ConfigError> {
        let Some(value) = self.environment.get(name).map(Zeroizing::new) else { return Ok(None) };
        if is_reference(&value) {
            return Err(unresolved_reference(name));
        }
        Ok(Some(Variable { name: name.to_owned(), value }))
    }

    /// A variable of this connection: `CLIENTID` reads `AZURE_POSTGRESQL_CLIENTID`.
    pub(super) fn of_connection(&self, suffix: &str) -> Result<Option<Variable>, ConfigError> {
        self.get(&self.names.of_connection(suffix))
    }
}

fn is_reference(value: &str) -> bool {
    let value = value.trim_start();
    REFERENCES.iter().any(|reference| {
        value.get(..reference.len()).is_some_and(|start| start.eq_ignore_ascii_case(reference))
    })
}

fn unresolved_reference(name: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::UnresolvedReference,
        "holds a reference to a secret store in place of the secret",
        "let the application's identity read the secret, check the reference's status in the \
         Azure portal, and restart",
    )
    .in_variable(name)
}
