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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnose::report::{Details, StepName};

    fn report() -> Report {
        let mut details = Details::default();
        details.add("192.0.2.1:5432", "no\nanswer\u{1b}[0m");
        let outcome = Outcome::Failed { problem: "no answer".into(), fix: "open it".into() };
        let slow = Duration::from_millis(1_500);
        Report::new(vec![
            Step::new(StepName::Dns, Outcome::Passed, Duration::from_millis(7), Details::default()),
            Step::new(StepName::Tcp, outcome, slow, details),
            Step::not_reached(StepName::Tls, StepName::Tcp),
        ])
    }

    #[test]
    fn each_step_has_its_mark_and_a_failed_one_its_fix() {
        let text = "\
✓ dns       7 ms
✗ tcp       1.5 s
    192.0.2.1:5432  no answer\u{fffd}[0m
    problem: no answer
    fix: open it
– tls       skipped: the tcp step failed

broken: tcp
";
        assert_eq!(report().to_string(), text);
    }

    #[test]
    fn colours_change_nothing_but_the_marks() {
        let coloured = report().coloured().to_string();
        assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m dns"), "{coloured}");
        let plain = ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"]
            .into_iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, report().to_string());
    }

    #[test]
    fn for_machines_details_are_a_map_in_order_and_no_name_is_there_twice() {
        let mut details = Details::default();
        for (name, value) in [("b", "1"), ("a", "2"), ("b", "3")] {
            details.add(name, value);
        }
        let step = Step::new(StepName::Dns, Outcome::Passed, Duration::from_micros(1_500), details);
        let json = serde_json::to_string(&step).unwrap();
        let expected =
            r#"{"step":"dns","outcome":"passed","duration_ms":1.5,"details":{"b":"1, 3","a":"2"}}"#;
        assert_eq!(json, expected);
    }
}
