//! How the examples fail and end.

use std::{error::Error, process::ExitCode};

/// Any error; it may cross threads.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The exit status; a failure is printed.
pub(crate) fn exit(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Prints a failure with its causes.
pub(crate) fn report(failure: &Failure) {
    eprintln!("error: {failure}");
    let causes = std::iter::successors(failure.source(), |&cause| cause.source());
    causes.for_each(|cause| eprintln!("  caused by: {cause}"));
}
