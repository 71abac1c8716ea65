//! A step that has not ended yet.

use std::error::Error as StdError;

use tokio::time::Instant;

use super::{
    report::{Details, Outcome, Step, StepName},
    show::printable,
};
use crate::{
    Error,
    clock::{Clock, SystemClock},
};

/// Times a step and collects what it finds.
pub(super) struct Running {
    name: StepName,
    started: Instant,
    details: Details,
}

impl Running {
    pub(super) fn start(name: StepName) -> Self {
        Self { name, started: SystemClock.now().monotonic, details: Details::default() }
    }

    pub(super) fn detail(&mut self, name: impl Into<String>, value: impl AsRef<str>) {
        self.details.add(name, value);
    }

    /// A detail that may be unknown.
    pub(super) fn known(&mut self, name: impl Into<String>, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.detail(name, value);
        }
    }

    pub(super) fn passed(self) -> Step {
        self.end(Outcome::Passed)
    }

    pub(super) fn failed(self, error: &Error) -> Step {
        self.failed_with(&with_causes(error), error.hint())
    }

    pub(super) fn failed_with(self, problem: &str, fix: &str) -> Step {
        self.end(Outcome::Failed { problem: printable(problem), fix: printable(fix) })
    }

    /// It was begun, and there was nothing to judge.
    pub(super) fn skipped(self, reason: &str) -> Step {
        self.end(Outcome::Skipped { reason: reason.to_owned() })
    }

    fn end(self, outcome: Outcome) -> Step {
        Step::new(self.name, outcome, self.started.elapsed(), self.details)
    }
}

/// The problem and what caused it. A cause that its effect has quoted is not repeated.
pub(super) fn with_causes(error: &Error) -> String {
    let mut text = error.problem();
    let mut cause = error.source();
    while let Some(error) = cause {
        let quoted = error.to_string();
        if !text.contains(&quoted) {
            text.push_str(": ");
            text.push_str(&quoted);
        }
        cause = error.source();
    }
    text
}
