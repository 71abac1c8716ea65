//! The examples, as programs of their own.

use std::{env, path::PathBuf, process::Command};

/// The program, which Cargo builds with the tests unless `--test` names some of them.
pub fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "build it: cargo build --example {name} --all-features");
    program
}

/// The program, to be run without the variables of this process but for the search path.
pub fn bare_example(name: &str) -> Command {
    let mut command = Command::new(example(name));
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}
