//! Variables as the settings read them: under the names of one connection, and never an unresolved
//! reference to a secret store.

use zeroize::Zeroizing;

use super::{
    names::ConnectionNames,
    references::{is_reference, unresolved_reference},
};
use crate::{Environment, error::ConfigError};

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
        if self.environment.is_not_unicode(name) {
            return Err(not_unicode(name));
        }
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

fn not_unicode(name: &str) -> ConfigError {
    ConfigError::malformed("is not Unicode", "set it to UTF-8 text, or unset it").in_variable(name)
}
