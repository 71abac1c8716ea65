//! Running a developer tool so that it ends with whoever asked for it.

use std::{
    ffi::OsStr,
    io,
    pin::{Pin, pin},
    process::{Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use azure_identity::Executor;
use tokio::process::Command;

/// Runs a command with a time limit, and kills it and its children when the limit has passed or the
/// future is dropped. azure_identity's own executor does neither.
#[derive(Debug)]
pub(super) struct BoundedExecutor {
    limit: Duration,
    timed_out: AtomicBool,
}

impl BoundedExecutor {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timed_out: AtomicBool::new(false) }
    }

    /// Whether any command took too long: azure_identity hands on the text of an error alone.
    pub(super) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }

    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = Command::new(program);
        command.args(args).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        let id = child.id();
        let mut output = pin!(tokio::time::timeout(self.limit, child.wait_with_output()));
        // Declared after the child and so dropped before it, while its id still belongs to it.
        let mut group = Group(id);
        match output.as_mut().await {
            Ok(output) => {
                group.0 = None;
                output
            }
            Err(_) => {
                self.timed_out.store(true, Ordering::Relaxed);
                Err(io::Error::new(io::ErrorKind::TimedOut, "the command took too long"))
            }
        }
    }
}

impl Executor for BoundedExecutor {
    fn run<'executor, 'program, 'args, 'arg, 'future>(
        &'executor self,
        program: &'program OsStr,
        args: &'args [&'arg OsStr],
    ) -> Pin<Box<dyn Future<Output = io::Result<Output>> + Send + 'future>>
    where
        'executor: 'future,
        'program: 'future,
        'args: 'future,
        'arg: 'future,
        Self: 'future,
    {
        Box::pin(self.run(program, args))
    }
}

/// A process group that is killed when this is dropped. The tools are scripts: killing their shell
/// alone would leave the interpreter behind.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            kill(id);
        }
    }
}

/// The shell's own `kill`, since the standard library can't signal a group. It takes a millisecond
/// or two, and a failure means that the group has already ended.
#[cfg(unix)]
fn kill(group: u32) {
    let _ = std::process::Command::new("/bin/sh")
        .args(["-c", "kill -s KILL -- \"-$1\"", "sh", &group.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(not(unix))]
fn kill(_group: u32) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Starts a grandchild that sleeps, writes its id, and waits for it.
    fn script(file: &std::path::Path) -> String {
        format!("sleep 600 & echo $! > '{}'; wait", file.display())
    }

    async fn run(executor: &BoundedExecutor, script: &str) -> io::Result<Output> {
        executor.run(OsStr::new("/bin/sh"), &[OsStr::new("-c"), OsStr::new(script)]).await
    }

    /// Polls until the condition holds, at most for ten seconds.
    async fn eventually(mut condition: impl FnMut() -> bool) -> bool {
        for _ in 0..1000 {
            if condition() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// A process that has ended and that nobody has collected yet counts as ended.
    fn is_running(id: &str) -> bool {
        let script = "kill -0 $1 && ! grep -q ') Z ' /proc/$1/stat";
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", script, "sh", id.trim()])
            .stderr(Stdio::null())
            .status();
        status.unwrap().success()
    }

    /// A file that is gone when the test is over.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("postgres-entra-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn text(&self) -> String {
            std::fs::read_to_string(&self.0).unwrap_or_default()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[tokio::test]
    async fn the_output_of_a_quick_command_comes_back() {
        let executor = BoundedExecutor::new(Duration::from_secs(60));
        let output = run(&executor, "echo out; echo err >&2; exit 3").await.unwrap();
        assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(output.status.code(), Some(3));
        assert!(!executor.timed_out());
    }

    #[tokio::test]
    async fn a_slow_command_is_killed_with_its_children() {
        let file = Scratch::new("slow");
        let executor = BoundedExecutor::new(Duration::from_secs(3));
        let error = run(&executor, &script(&file.0)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(executor.timed_out());
        let id = file.text();
        assert!(!id.is_empty());
        assert!(eventually(|| !is_running(&id)).await, "process {id} is still running");
    }

    #[tokio::test]
    async fn a_dropped_fetch_kills_the_command_with_its_children() {
        let file = Scratch::new("dropped");
        let script = script(&file.0);
        let running = tokio::spawn(async move {
            run(&BoundedExecutor::new(Duration::from_secs(60)), &script).await
        });
        assert!(eventually(|| file.text().ends_with('\n')).await);
        let id = file.text();
        assert!(is_running(&id));
        running.abort();
        assert!(eventually(|| !is_running(&id)).await, "process {id} is still running");
    }
}
