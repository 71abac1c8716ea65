//! Server processes that hang.

use std::{collections::BTreeSet, process::Command};

/// Server processes that are stopped: they keep their connections and answer nothing. They go on when
/// this is dropped.
pub struct Frozen(Vec<String>);

impl Frozen {
    pub fn new(sessions: &BTreeSet<i64>) -> Self {
        let frozen = Self(sessions.iter().map(ToString::to_string).collect());
        assert!(frozen.signal("STOP"), "no such processes: {sessions:?}");
        frozen
    }

    fn signal(&self, name: &str) -> bool {
        let script = r#"name=$1; shift; kill -s "$name" "$@""#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "signal", name]).args(&self.0);
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}
