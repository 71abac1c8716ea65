//! Connection parameters in libpq's terms: what every grammar is translated to.

pub(super) mod keywords;
mod references;
mod session_options;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use self::keywords::Treatment;
pub(super) use self::{
    references::{holds_reference, is_reference, unresolved_reference},
    session_options::SessionOptions,
};
use crate::error::{ConfigError, ConfigErrorKind};

/// libpq's keywords with their values, in the order in which a string states them.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// The parameters that say which database is meant, so that two variables must agree on them.
const DECISIVE: [&str; 6] = ["host", "hostaddr", "port", "user", "dbname", "password"];

/// A value, and the variable that states it. It may be a password: it has no `Debug` and is wiped when
/// dropped.
#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) value: Zeroizing<String>,
    pub(super) variable: String,
}

impl Parameter {
    /// An error about this parameter.
    pub(super) fn error(
        &self,
        kind: ConfigErrorKind,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> ConfigError {
        ConfigError::new(kind, problem, fix).in_variable(&self.variable)
    }
}

/// One value a keyword. An empty value counts as not stated, as in libpq.
#[derive(Clone, Default)]
pub(super) struct Parameters(BTreeMap<&'static str, Parameter>);

impl Parameters {
    /// The parameters that one variable states; the last duplicate wins, in every grammar.
    pub(super) fn from_pairs(pairs: Pairs, variable: &str) -> Self {
        let mut parameters = Self::default();
        for (keyword, value) in pairs {
            parameters.set(keyword, value, variable);
        }
        parameters
    }

    /// The parameter that a variable of its own states.
    pub(super) fn single(
        keyword: &'static str,
        value: impl Into<Zeroizing<String>>,
        variable: &str,
    ) -> Self {
        let mut parameters = Self::default();
        parameters.set(keyword, value, variable);
        parameters
    }

    pub(super) fn set(
        &mut self,
        keyword: &'static str,
        value: impl Into<Zeroizing<String>>,
        variable: &str,
    ) {
        let value = value.into();
        if value.is_empty() {
            self.0.remove(keyword);
        } else {
            self.0.insert(keyword, Parameter { value, variable: variable.to_owned() });
        }
    }

    pub(super) fn get(&self, keyword: &str) -> Option<&Parameter> {
        self.0.get(keyword)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Parameter)> {
        self.0.iter().map(|(keyword, parameter)| (*keyword, parameter))
    }

    /// Adds what is missing here.
    pub(super) fn fill_from(&mut self, other: Self) {
        for (keyword, parameter) in other.0 {
            self.0.entry(keyword).or_insert(parameter);
        }
    }

    /// Adds what is missing here, if both mean the same database.
    pub(super) fn reconcile(&mut self, other: Self) -> Result<(), ConfigError> {
        for keyword in DECISIVE {
            if let (Some(ours), Some(theirs)) = (self.get(keyword), other.get(keyword))
                && !agree(keyword, &ours.value, &theirs.value)
            {
                return Err(conflict(keyword, ours, theirs));
            }
        }
        self.fill_from(other);
        Ok(())
    }

    /// Refuses what can't be honoured.
    pub(super) fn check_supported(&self) -> Result<(), ConfigError> {
        for (keyword, parameter) in self.iter() {
            match keywords::treatment(keyword) {
                Treatment::Unsupported(reason) => {
                    return Err(unsupported(keyword, parameter, reason, "remove it"));
                }
                Treatment::Only(values, reason)
                    if !values.iter().any(|value| value.eq_ignore_ascii_case(&parameter.value)) =>
                {
                    let fix = format!("remove it, or write one of: {}", values.join(", "));
                    return Err(unsupported(keyword, parameter, reason, &fix));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn agree(keyword: &str, ours: &str, theirs: &str) -> bool {
    ours == theirs || (keyword == "host" && ours.eq_ignore_ascii_case(theirs))
}

fn conflict(keyword: &str, ours: &Parameter, theirs: &Parameter) -> ConfigError {
    ours.error(
        ConfigErrorKind::Conflict,
        format!("states another `{keyword}` than {}", theirs.variable),
        format!("unset one of {} and {}, or make them agree", ours.variable, theirs.variable),
    )
}

fn unsupported(keyword: &str, parameter: &Parameter, reason: &str, fix: &str) -> ConfigError {
    let problem = format!("`{keyword}` can't be honoured: {reason}");
    parameter.error(ConfigErrorKind::Unsupported, problem, fix)
}
