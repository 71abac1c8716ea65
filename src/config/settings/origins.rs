use std::{collections::BTreeMap, fmt};

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The variable of this name.
    Variable(String),
    /// No variable states it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable(name) => name,
            Self::Default => "default",
        })
    }
}

/// The origin of each setting that was read from variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    pub(super) fn record(&mut self, setting: &'static str, variable: Option<&str>) {
        let origin = variable.map_or(Origin::Default, |name| Origin::Variable(name.to_owned()));
        self.0.insert(setting, origin);
    }

    /// Drops a setting that code has replaced.
    pub(super) fn forget(&mut self, setting: &'static str) {
        self.0.remove(setting);
    }

    pub(super) fn variable(&self, setting: &str) -> Option<&str> {
        match self.0.get(setting)? {
            Origin::Variable(name) => Some(name),
            Origin::Default => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.0.iter().map(|(setting, origin)| (*setting, origin))
    }
}

/// All origins are equal: settings are the same whichever variable they were read from.
impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origins {}
