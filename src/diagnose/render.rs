//! The report as a person reads it.

use std::fmt;

use super::{
    report::{Outcome, Report, Step},
    show::short,
};

/// How far a step's details are indented.
const INDENT: usize = 4;
/// Narrower than this, nothing is readable.
const NARROWEST: usize = 40;

/// A [`Report`] for a terminal, with lines that fit and colours. Made by [`Report::for_terminal`].
#[derive(Clone, Copy, Debug)]
pub struct ForTerminal<'a> {
    report: &'a Report,
    width: Option<usize>,
    is_coloured: bool,
}

impl Report {
    /// The same text as `Display`, to be shown on a terminal.
    pub fn for_terminal(&self) -> ForTerminal<'_> {
        ForTerminal { report: self, width: None, is_coloured: false }
    }
}

impl ForTerminal<'_> {
    /// With a colour for each mark.
    #[must_use]
    pub fn coloured(self) -> Self {
        Self { is_coloured: true, ..self }
    }

    /// With lines of at most so many columns, where words allow.
    #[must_use]
    pub fn wrapped(self, columns: usize) -> Self {
        Self { width: Some(columns.max(NARROWEST)), ..self }
    }

    fn step(&self, f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
        let (mark, name) = (self.mark(step.outcome()), step.name());
        match step.outcome() {
            Outcome::Skipped { reason } => writeln!(f, "{mark} {name:<9} skipped: {reason}")?,
            _ => writeln!(f, "{mark} {name:<9} {}", short(step.duration()))?,
        }
        let widest = step.details().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, detail) in step.details() {
            self.paragraph(f, &format!("{name:<widest$}  "), &detail.to_string())?;
        }
        if let Outcome::Failed { problem, fix, .. } = step.outcome() {
            self.paragraph(f, "problem: ", problem)?;
            self.paragraph(f, "fix: ", fix)?;
        }
        Ok(())
    }

    /// An indented text behind its label. Further lines begin where the first one does, unless that
    /// would leave them less than half of the width.
    fn paragraph(&self, f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
        let begin = INDENT + label.chars().count();
        write!(f, "{:INDENT$}{label}", "")?;
        let Some(width) = self.width else { return writeln!(f, "{text}") };
        let indent = if begin * 2 <= width { begin } else { 2 * INDENT };
        let mut column = begin;
        let mut is_first = true;
        for word in text.split(' ') {
            let length = word.chars().count();
            if !is_first && column + 1 + length > width {
                write!(f, "\n{:indent$}", "")?;
                column = indent;
            } else if !is_first {
                write!(f, " ")?;
                column += 1;
            }
            write!(f, "{word}")?;
            column += length;
            is_first = false;
        }
        writeln!(f)
    }

    /// With escape sequences for colours
    /// ([ECMA-48](https://ecma-international.org/publications-and-standards/standards/ecma-48/)).
    fn mark(&self, outcome: &Outcome) -> String {
        let (mark, colour) = match outcome {
            Outcome::Passed => ("✓", 32),
            Outcome::Failed { .. } => ("✗", 31),
            Outcome::Skipped { .. } => ("–", 2),
        };
        if self.is_coloured { format!("\u{1b}[{colour}m{mark}\u{1b}[0m") } else { mark.to_owned() }
    }
}

impl fmt::Display for ForTerminal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.steps().iter().try_for_each(|step| self.step(f, step))?;
        match self.report.first_failure() {
            Some(step) => writeln!(f, "\nbroken: {}", step.name()),
            None if self.report.is_healthy() => writeln!(f, "\nhealthy: the login works"),
            None => writeln!(f, "\nthe login was not tried"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_terminal().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnose::{report::StepName, value::Details};

    fn report_of(problem: &str, fix: &str) -> Report {
        let mut details = Details::default();
        details.add("192.0.2.1:5432", "no\nanswer\u{1b}[0m");
        let kind = "connect".to_owned();
        let outcome = Outcome::Failed { problem: problem.into(), fix: fix.into(), kind };
        let slow = Duration::from_millis(1_500);
        Report::new(vec![
            Step::new(StepName::Dns, Outcome::Passed, Duration::from_millis(7), Details::default()),
            Step::new(StepName::Tcp, outcome, slow, details),
            Step::not_reached(StepName::Tls, StepName::Tcp),
        ])
    }

    fn report() -> Report {
        report_of("no answer", "open it")
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
        let coloured = report().for_terminal().coloured().to_string();
        assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m dns"), "{coloured}");
        let plain = ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"]
            .into_iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, report().to_string());
    }

    #[test]
    fn lines_break_between_words_and_go_on_under_the_text() {
        let report = report_of(
            "the server at some address did not answer within the time that it had",
            "a-word-that-is-longer-than-the-line-could-ever-be-made-for-it and more",
        );
        let text = report.for_terminal().wrapped(40).to_string();
        let expected = "\
    problem: the server at some address
             did not answer within the
             time that it had
    fix: a-word-that-is-longer-than-the-line-could-ever-be-made-for-it
         and more
";
        assert!(text.contains(expected), "{text}");
        for width in 0..200 {
            let wrapped = report.for_terminal().wrapped(width).to_string();
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words(&wrapped), words(&report.to_string()), "{width}");
        }
    }

    #[test]
    fn for_machines_the_broken_step_and_the_kind_of_the_error_come_first() {
        let json = serde_json::to_string(&report()).unwrap();
        let expected = r#"{"format":1,"healthy":false,"broken":"tcp","kind":"connect","steps":[{"step":"dns","outcome":"passed","duration":0.007,"details":{}},{"step":"tcp","outcome":"failed","kind":"connect","problem":"no answer","fix":"open it","duration":1.5,"details":{"192.0.2.1:5432":"no answer�[0m"}},{"step":"tls","outcome":"skipped","reason":"the tcp step failed","duration":0.0,"details":{}}]}"#;
        assert_eq!(json, expected);
    }
}
