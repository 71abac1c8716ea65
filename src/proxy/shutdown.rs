//! How far a proxy is from its end.

use std::time::Duration;

/// How long sessions may take to reach the end of a message of the server, and to say goodbye.
pub(super) const LONGEST_GOODBYE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// No new sessions.
    Draining,
    /// Sessions are told that the proxy shuts down.
    Ending,
    /// Sessions end at once.
    Ended,
}
