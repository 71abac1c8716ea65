//! The one place where the crate reads environment variables.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// Where variables come from: the process environment, or a fixed set of pairs.
///
/// Cloning is cheap. The process environment is read anew by each [`get`](Environment::get), because
/// App Service rotates the value of `IDENTITY_HEADER`
/// ([documentation](https://learn.microsoft.com/azure/app-service/overview-managed-identity)).
///
/// The values of a fixed set stay in memory as they were given, unlike a [`Secret`](crate::Secret): drop
/// it once the settings have been read.
#[derive(Clone)]
pub struct Environment(Variables);

#[derive(Clone)]
enum Variables {
    Process,
    Fixed(Arc<BTreeMap<String, String>>),
}

impl Environment {
    /// The environment of this process, read when a variable is asked for.
    pub fn process() -> Self {
        Self(Variables::Process)
    }

    /// A fixed set of variables. The last value of a name wins.
    pub fn from_vars<I, K, V>(vars: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self(Variables::Fixed(Arc::new(vars)))
    }

    /// The value of a variable; `None` if it is unset, blank or not Unicode.
    ///
    /// Blank counts as unset because platforms and container files clear a variable by emptying it.
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Variables::Process => std::env::var(name).ok(),
            Variables::Fixed(vars) => vars.get(name).cloned(),
        };
        value.filter(|value| !value.trim().is_empty())
    }

    /// Whether a variable is set to what is not Unicode, so that [`get`](Self::get) can't read it.
    pub(crate) fn is_not_unicode(&self, name: &str) -> bool {
        match &self.0 {
            Variables::Process => {
                matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_)))
            }
            Variables::Fixed(_) => false,
        }
    }

    /// The names of all variables that are set, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Variables::Process => {
                let mut names: Vec<String> =
                    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
                names.sort();
                names
            }
            Variables::Fixed(vars) => vars.keys().cloned().collect(),
        }
    }
}

/// Shows where the variables come from and their names, never a value.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Variables::Process => f.write_str("Environment(process)"),
            Variables::Fixed(vars) => f.debug_tuple("Environment").field(&vars.keys()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn a_blank_variable_counts_as_unset() {
        let environment = Environment::from_vars([("A", "  "), ("B", " x ")]);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.get("B").as_deref(), Some(" x "));
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let text = format!("{:?}", Environment::from_vars([("NAME", "hunter2")]));
        assert!(text.contains("NAME") && !text.contains("hunter2"), "{text}");
    }
}
