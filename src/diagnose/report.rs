//! What a diagnosis found.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::value::{Detail, Details, seconds};

/// The version of the serialised form. It grows when something there changes its name, type or meaning,
/// not when something is added.
const FORMAT: u32 = 1;

/// Every step between an application and its database, and how it went.
///
/// `Display` is for people, and [`for_terminal`](Self::for_terminal) for their terminals. No form, nor
/// `Debug`, holds a token, password, client secret or identity header.
///
/// # For machines
///
/// Serialised, a report is an object:
///
/// | field | |
/// |---|---|
/// | `format` | the version of this form, 1: fields may be added to it |
/// | `healthy` | whether the login works |
/// | `broken` | the first step that failed, or null |
/// | `kind` | the kind of its error, such as `token.denied`, or null |
/// | `steps` | for each step `step`, `outcome` (`passed`, `failed`, `skipped`), `duration`, `details` |
///
/// A failed step has `kind`, `problem` and `fix` too, a skipped one a `reason`. Durations are numbers of
/// seconds, points in time texts such as `2026-01-02T03:04:05Z`; a detail of the settings has its `value`
/// and its `origin`.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    steps: Vec<Step>,
}

impl Report {
    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// The steps, in the order in which a connect takes them.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// One step.
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The first step that failed: the link to mend.
    pub fn first_failure(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.is_failed())
    }

    /// Whether the login works and nothing failed.
    pub fn is_healthy(&self) -> bool {
        let login = self.step(StepName::Login);
        self.first_failure().is_none() && login.is_some_and(|step| step.outcome == Outcome::Passed)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let broken = self.first_failure();
        let mut report = serializer.serialize_struct("Report", 5)?;
        report.serialize_field("format", &FORMAT)?;
        report.serialize_field("healthy", &self.is_healthy())?;
        report.serialize_field("broken", &broken.map(Step::name))?;
        report.serialize_field("kind", &broken.and_then(Step::kind))?;
        report.serialize_field("steps", &self.steps)?;
        report.end()
    }
}

/// One step of a diagnosis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    #[serde(rename = "step")]
    name: StepName,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(serialize_with = "seconds")]
    duration: Duration,
    details: Details,
}

impl Step {
    pub(super) fn new(
        name: StepName,
        outcome: Outcome,
        duration: Duration,
        details: Details,
    ) -> Self {
        Self { name, outcome, duration, details }
    }

    /// A step that has nothing to do here.
    pub(super) fn skipped(name: StepName, reason: impl Into<String>) -> Self {
        let outcome = Outcome::Skipped { reason: reason.into() };
        Self::new(name, outcome, Duration::ZERO, Details::default())
    }

    /// A step that needs what an earlier one did not bring.
    pub(super) fn not_reached(name: StepName, broken: StepName) -> Self {
        Self::skipped(name, format!("the {broken} step failed"))
    }

    /// Which step it is.
    pub fn name(&self) -> StepName {
        self.name
    }

    /// How it went.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// How long it took; zero if it was skipped.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// What was found, by name, in a fixed order.
    pub fn details(&self) -> impl Iterator<Item = (&str, &Detail)> {
        self.details.iter()
    }

    /// What was found under this name.
    pub fn detail(&self, name: &str) -> Option<&Detail> {
        self.details().find_map(|(known, detail)| (known == name).then_some(detail))
    }

    /// The kind of the error, if it failed.
    fn kind(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Failed { kind, .. } => Some(kind),
            _ => None,
        }
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It worked.
    Passed,
    /// It did not work.
    #[non_exhaustive]
    Failed {
        /// What kind of error it was: the variant of the error, and after a dot its own kind, such as
        /// `token.denied`.
        kind: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        fix: String,
    },
    /// It was not tried.
    #[non_exhaustive]
    Skipped {
        /// Why not.
        reason: String,
    },
}

/// The steps of a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepName {
    /// The connection settings, and the variable that each was read from.
    Settings,
    /// Who logs in, with which token source, and why that one.
    Identity,
    /// The token, by its claims.
    Token,
    /// Whether the token is for the cloud that the server is in.
    Audience,
    /// The addresses of the server.
    Dns,
    /// The TCP connection.
    Tcp,
    /// The TLS handshake, and the server's certificate.
    Tls,
    /// The login.
    Login,
    /// The session, as the server sees it.
    Session,
}

impl StepName {
    /// All steps, in order.
    pub const ALL: &'static [Self] = &[
        Self::Settings,
        Self::Identity,
        Self::Token,
        Self::Audience,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Login,
        Self::Session,
    ];

    /// As in the serialised report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Identity => "identity",
            Self::Token => "token",
            Self::Audience => "audience",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
