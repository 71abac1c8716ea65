//! A program that runs while this one serves it.

use std::{
    io,
    process::{ExitCode, ExitStatus},
};

use tokio::process::Command;

use crate::{Outcome, child};

/// The signals that end this program, or are passed on to the one that it runs.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for Ctrl-C or for the request to end.
    pub(crate) async fn either(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Ctrl-C reaches the program from the terminal; the request to end is passed on to it.
    async fn pass_on(&mut self, id: Option<u32>) -> io::Result<()> {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {
                if let Some(id) = id {
                    Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
                }
            }
        }
        Ok(())
    }
}

/// Ctrl-C, which Windows brings to the program too.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn either(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn pass_on(&mut self, _id: Option<u32>) -> io::Result<()> {
        self.either().await;
        Ok(())
    }
}

/// Runs the program to its end, and ends as it does.
pub(crate) async fn run(mut command: Command, mut signals: Signals) -> Outcome {
    let mut child = match command.kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => return Ok(child::not_started(command.as_std(), &error)),
    };
    let id = child.id();
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_code(status?)),
            passed_on = signals.pass_on(id) => passed_on?,
        }
    }
}

/// What a shell would report: the status, or 128 and the signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    let code = status.code().or_else(|| signal.map(|signal: i32| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
