//! The report as a person reads it.

use std::fmt;

use super::{
    report::{Outcome, Report, Step},
    show::short,
};

/// A [`Report`] with the colours of a terminal. Made by [`Report::coloured`].
#[derive(Clone, Copy, Debug)]
pub struct Coloured<'a>(&'a Report);

/// The escape sequences around a mark ([ECMA-48](https://ecma-international.org/publications-and-standards/standards/ecma-48/)).
#[derive(Clone, Copy)]
enum Palette {
    None,
    Ansi,
}

impl Report {
    /// The same text as `Display`, with a colour for each mark: for terminals alone.
    pub fn coloured(&self) -> Coloured<'_> {
        Coloured(self)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, palette: Palette) -> fmt::Result {
        self.steps().iter().try_for_each(|step| step.write(f, palette))?;
        match self.first_failure() {
            Some(step) => writeln!(f, "\nbroken: {}", step.name()),
            None if self.is_healthy() => writeln!(f, "\nhealthy: the login works"),
            None => writeln!(f, "\nthe login was not tried"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Palette::None)
    }
}

impl fmt::Display for Coloured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, Palette::Ansi)
    }
}

impl Step {
    fn write(&self, f: &mut fmt::Formatter<'_>, palette: Palette) -> fmt::Result {
        let (mark, name) = (palette.mark(self.outcome()), self.name());
        match self.outcome() {
            Outcome::Skipped { reason } => writeln!(f, "{mark} {name:<9} skipped: {reason}")?,
            _ => writeln!(f, "{mark} {name:<9} {}", short(self.duration()))?,
        }
        let width = self.details().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in self.details() {
            writeln!(f, "    {name:<width$}  {value}")?;
        }
        if let Outcome::Failed { problem, fix } = self.outcome() {
            writeln!(f, "    problem: {problem}\n    fix: {fix}")?;
        }
        Ok(())
    }
}

impl Palette {
    fn mark(self, outcome: &Outcome) -> String {
        let (mark, colour) = match outcome {
            Outcome::Passed => ("✓", 32),
            Outcome::Failed { .. } => ("✗", 31),
            Outcome::Skipped { .. } => ("–", 2),
        };
        match self {
            Self::None => mark.to_owned(),
            Self::Ansi => format!("\u{1b}[{colour}m{mark}\u{1b}[0m"),
        }
    }
}
