//! Which variables there are, what they state, and who logs in.
//!
//! Variables are read under the names of one connection, and never as an unresolved reference to a
//! secret store.

mod aspire;
mod identity;
mod libpq;
mod missing;
mod names;
mod outside;
mod service_connector;
mod spring;

use std::{cell::OnceCell, collections::HashMap};

use zeroize::Zeroizing;

pub use self::names::ConnectionNames;
pub(crate) use self::outside::value_of;
use self::{
    identity::{Decision, Provenance},
    outside::check_outside,
};
use super::parameters::{Parameters, check_resolved};
use crate::{environment::Environment, error::ConfigError};

/// A variable that is set. The value may be a secret: it has no `Debug` and is wiped when dropped.
#[derive(Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
}

/// What the variables of a connection state.
pub(super) struct Found {
    pub(super) parameters: Parameters,
    pub(super) provenance: Provenance,
}

/// The variables of an environment, under the names of one connection.
pub(super) struct Variables<'a> {
    environment: &'a Environment,
    names: &'a ConnectionNames,
    spellings: OnceCell<Spellings>,
    /// The names that were asked for.
    #[cfg(test)]
    asked: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

/// Names by their letters and digits.
type Spellings = HashMap<String, Vec<String>>;

fn spellings(environment: &Environment) -> Spellings {
    let mut spellings = Spellings::new();
    for name in environment.names() {
        spellings.entry(letters(&name)).or_default().push(name);
    }
    spellings
}

/// App Service turns dots into underscores and keeps hyphens; hand-written scripts drop hyphens or
/// turn them into underscores.
fn letters(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '.' | '_' | '-'));
    kept.collect::<String>().to_ascii_lowercase()
}

impl<'a> Variables<'a> {
    pub(super) fn new(environment: &'a Environment, names: &'a ConnectionNames) -> Self {
        Self {
            environment,
            names,
            spellings: OnceCell::new(),
            #[cfg(test)]
            asked: Default::default(),
        }
    }

    /// What Service Connector states, else `DATABASE_URL`; and what is missing, from libpq's variables.
    /// Names a host, or is an error.
    pub(super) fn find(&self) -> Result<Found, ConfigError> {
        let mut found = self.find_connection()?;
        libpq::fill(&mut found.parameters, self)?;
        missing::require_host(&found, self)?;
        Ok(found)
    }

    fn find_connection(&self) -> Result<Found, ConfigError> {
        if let Some(resource) = self.names.aspire_resource() {
            let parameters = aspire::find(self, resource)?;
            return Ok(Found { parameters, provenance: Provenance::Aspire });
        }
        let mut parameters = service_connector::find(self)?;
        if let Some(spring) = spring::find(self)? {
            parameters.reconcile(spring)?;
            return Ok(Found { parameters, provenance: Provenance::Spring });
        }
        if !parameters.is_empty() || !self.names.has_default_prefix() {
            return Ok(Found { parameters, provenance: Provenance::ServiceConnector });
        }
        let parameters = libpq::database_url(self)?;
        Ok(Found { parameters, provenance: Provenance::Libpq })
    }

    /// Who logs in.
    pub(super) fn decide_identity(
        &self,
        parameters: &Parameters,
        provenance: Provenance,
    ) -> Result<Decision, ConfigError> {
        identity::decide(self, parameters, provenance)
    }

    pub(super) fn names(&self) -> &'a ConnectionNames {
        self.names
    }

    /// The names of all variables whose letters and digits are these, in alphabetical order.
    ///
    /// The environment is listed once, at the first call.
    pub(super) fn names_spelled_like(&self, name: &str) -> &[String] {
        let spellings = self.spellings.get_or_init(|| spellings(self.environment));
        spellings.get(&letters(name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// A variable by its full name, without the blanks around its value.
    pub(super) fn get(&self, name: &str) -> Result<Option<Variable>, ConfigError> {
        let Some(Variable { name, value }) = self.get_verbatim(name)? else { return Ok(None) };
        check_resolved(&value, false, &name)?;
        Ok(Some(Variable { name, value: value.trim().to_owned().into() }))
    }

    /// A variable by its full name, value untouched: a password may begin or end with a blank.
    pub(super) fn get_verbatim(&self, name: &str) -> Result<Option<Variable>, ConfigError> {
        #[cfg(test)]
        self.asked.borrow_mut().insert(name.to_owned());
        if self.environment.is_not_unicode(name) {
            return Err(not_unicode(name));
        }
        let Some(value) = self.environment.get(name).map(Zeroizing::new) else { return Ok(None) };
        check_outside(&value).map_err(|error| error.in_variable(name))?;
        // What a connection string holds is judged value by value.
        check_resolved(&value, true, name)?;
        Ok(Some(Variable { name: name.to_owned(), value }))
    }

    /// Whether a variable is set, whatever its value says.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.environment.get(name).is_some()
    }

    /// The names that were asked for so far.
    #[cfg(test)]
    pub(super) fn asked(&self) -> std::collections::BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// The names of all variables, in alphabetical order.
    pub(super) fn all_names(&self) -> Vec<String> {
        self.environment.names()
    }

    /// A variable of this connection: `CLIENTID` reads `AZURE_POSTGRESQL_CLIENTID`.
    pub(super) fn of_connection(&self, suffix: &str) -> Result<Option<Variable>, ConfigError> {
        self.get(&self.names.of_connection(suffix))
    }
}

fn not_unicode(name: &str) -> ConfigError {
    ConfigError::malformed("is not Unicode", "set it to UTF-8 text, or unset it").in_variable(name)
}
