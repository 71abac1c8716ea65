//! The examples, as programs of their own.

use std::{
    env,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
};

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

/// A program that runs until it is terminated: at the latest by its owner's end, also after a failed
/// assertion.
pub struct Running(Child);

impl Running {
    /// Starts it; what it prints is the second value.
    pub fn start(command: &mut Command) -> (Self, ChildStdout) {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().unwrap();
        let output = program.stdout.take().unwrap();
        (Self(program), output)
    }

    /// Starts it; what it complains of is the second value.
    pub fn start_and_read_errors(command: &mut Command) -> (Self, ChildStderr) {
        let mut program = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = program.stderr.take().unwrap();
        (Self(program), errors)
    }

    pub fn terminate(&mut self) -> ExitStatus {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.terminate();
        }
    }
}
