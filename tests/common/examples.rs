//! The examples, as programs of their own.

use std::path::PathBuf;

/// The program, which Cargo builds with the tests unless `--test` names some of them.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "build it: cargo build --example {name} --all-features");
    program
}
