use std::{error::Error as StdError, fmt};

use super::excerpt;

/// A foreign error as it may be shown, with its causes: the error itself may quote an answer, repeat a
/// panic message or hold a backtrace of some pages.
pub(crate) struct Shown {
    text: String,
    cause: Option<Box<Shown>>,
}

impl Shown {
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        Self::without(&[], error)
    }

    /// The same, of an error that may repeat these secrets.
    pub(crate) fn without(secrets: &[&str], error: &(dyn StdError + 'static)) -> Self {
        let cause = error.source().map(|cause| Box::new(Self::without(secrets, cause)));
        Self { text: excerpt(&error.to_string(), secrets), cause }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text and those of all causes.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.cause.iter().try_for_each(|cause| write!(f, ": {cause:?}"))
    }
}

impl StdError for Shown {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
