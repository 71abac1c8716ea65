//! Whether and how the output is shown on a terminal.

use std::{
    env,
    io::{IsTerminal, Stdout},
};

/// The columns of the terminal that standard output is; `None` if it is something else, or doesn't tell.
pub(crate) fn columns(out: &Stdout) -> Option<usize> {
    let (terminal_size::Width(columns), _) =
        out.is_terminal().then(|| terminal_size::terminal_size_of(out)).flatten()?;
    Some(columns.into())
}

/// Whether to show colours. `NO_COLOR` is <https://no-color.org>; a terminal that calls itself dumb
/// understands no escape sequences.
pub(crate) fn has_colours(out: &Stdout) -> bool {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    out.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
