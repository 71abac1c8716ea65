//! A step that has not ended yet.

use std::{error::Error as StdError, time::Duration};

use tokio::time::Instant;

use super::{
    kind::kind,
    report::{Outcome, Step, StepName},
    show::printable,
    value::{Details, Value},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, cause},
};

/// Times a step and collects what it finds.
pub(super) struct Running {
    name: StepName,
    /// The time until it was paused.
    spent: Duration,
    /// Since when it goes on, unless it is paused.
    since: Option<Instant>,
    details: Details,
}

impl Running {
    pub(super) fn start(name: StepName) -> Self {
        let mut running = Self::paused(name);
        running.since = Some(SystemClock.now().monotonic);
        running
    }

    /// A step whose time is only that of its [`work`](Self::work).
    pub(super) fn paused(name: StepName) -> Self {
        Self { name, spent: Duration::ZERO, since: None, details: Details::default() }
    }

    /// Does a part of a paused step.
    pub(super) async fn work<T>(&mut self, part: impl Future<Output = T>) -> T {
        let since = SystemClock.now().monotonic;
        let outcome = part.await;
        self.spent += since.elapsed();
        outcome
    }

    pub(super) fn detail(&mut self, name: impl AsRef<str>, value: impl Into<Value>) {
        self.details.add(name, value);
    }

    /// A detail that may be unknown.
    pub(super) fn known(&mut self, name: impl AsRef<str>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.detail(name, value);
        }
    }

    /// The value of a setting, and where it is from.
    pub(super) fn setting(&mut self, name: &str, value: impl Into<Value>, origin: &str) {
        self.details.add_from(name, value, origin);
    }

    pub(super) fn passed(self) -> Step {
        self.end(Outcome::Passed)
    }

    pub(super) fn failed(self, error: &Error) -> Step {
        self.failed_with(&kind(error), &with_causes(error), error.hint())
    }

    pub(super) fn failed_with(self, kind: &str, problem: &str, fix: &str) -> Step {
        let (problem, fix) = (printable(problem), printable(fix));
        self.end(Outcome::Failed { kind: kind.to_owned(), problem, fix })
    }

    /// It was begun, and there was nothing to judge.
    pub(super) fn skipped(self, reason: &str) -> Step {
        self.end(Outcome::Skipped { reason: reason.to_owned() })
    }

    fn end(self, outcome: Outcome) -> Step {
        let last = self.since.map(|since| since.elapsed()).unwrap_or_default();
        Step::new(self.name, outcome, self.spent + last, self.details)
    }
}

/// The problem and what caused it.
pub(super) fn with_causes(error: &Error) -> String {
    append_causes(error.problem(), error)
}

/// The last cause, for a list in which the problem is understood.
pub(super) fn root_cause(error: &Error) -> String {
    cause::all(error).last().map_or_else(|| error.problem(), ToString::to_string)
}

/// Adds what caused the error. A cause that its effect has quoted is not repeated.
pub(super) fn append_causes(mut text: String, error: &(dyn StdError + 'static)) -> String {
    for cause in cause::all(error).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::ConnectError;

    #[derive(Debug, thiserror::Error)]
    #[error("error connecting: refused")]
    struct Quoting(#[source] io::Error);

    #[test]
    fn causes_are_told_once() {
        let cause = Quoting(io::Error::other("refused"));
        let error = Error::from(ConnectError::new("contoso", 5432, true, cause));
        let expected = "no connection to contoso port 5432: error connecting: refused";
        assert_eq!(with_causes(&error), expected);
        assert_eq!(root_cause(&error), "refused");
    }
}
