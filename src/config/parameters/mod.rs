//! Connection parameters in libpq's terms: what every grammar is translated to.

pub(super) mod keywords;
mod unresolved;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use self::keywords::Treatment;
pub(super) use self::unresolved::{check_resolved, check_text};
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

/// One value a keyword. An empty value counts as not stated.
#[derive(Clone, Default)]
pub(super) struct Parameters {
    stated: BTreeMap<&'static str, Parameter>,
    /// What is left out although somebody set it.
    left_out: Vec<LeftOut>,
}

/// How many parameters without effect are named.
pub(super) const MOST_NAMED: usize = 8;

/// A parameter that has no effect here, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Its name, unless that might be a part of a secret.
    pub(super) name: Option<String>,
    pub(super) variable: String,
    pub(super) reason: &'static str,
}

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
            self.stated.remove(keyword);
        } else {
            self.stated.insert(keyword, Parameter { value, variable: variable.to_owned() });
        }
    }

    pub(super) fn get(&self, keyword: &str) -> Option<&Parameter> {
        self.stated.get(keyword)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stated.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Parameter)> {
        self.stated.iter().map(|(keyword, parameter)| (*keyword, parameter))
    }

    /// Notes what a variable states that is not known here.
    pub(super) fn leave_out(&mut self, name: Option<String>, variable: &str) {
        let reason = "it is not known, and pgjdbc ignores what it doesn't know";
        self.left_out.push(LeftOut { name, variable: variable.to_owned(), reason });
    }

    /// What is set and has no effect.
    pub(super) fn left_out(&self) -> impl Iterator<Item = LeftOut> {
        let useless = self.iter().filter_map(|(keyword, parameter)| {
            let Treatment::Useless(reason) = keywords::treatment(keyword) else { return None };
            let variable = parameter.variable.clone();
            Some(LeftOut { name: Some(keyword.to_owned()), variable, reason })
        });
        self.left_out.iter().cloned().chain(useless)
    }

    /// Adds what is missing here.
    pub(super) fn fill_from(&mut self, other: Self) {
        for (keyword, parameter) in other.stated {
            self.stated.entry(keyword).or_insert(parameter);
        }
        self.left_out.extend(other.left_out);
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
