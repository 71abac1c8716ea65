//! What a connect needs of the runtime that it runs in.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::Poll,
};

use tokio::time::{Instant, timeout_at};

use crate::error::{ConfigError, ConfigErrorKind, Error};

/// Does the work until a point in time; `None` if that comes first.
pub(super) async fn until<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Error>>,
) -> Option<Result<T, Error>> {
    match in_runtime(async { timeout_at(deadline, work).await }).await {
        Ok(ended) => ended.ok(),
        Err(error) => Some(Err(error.into())),
    }
}

/// Does the work, or says that this is no runtime for it.
///
/// A runtime can't be asked what it has: tokio panics where there are no timers or no I/O, and outside of one.
pub(crate) async fn in_runtime<T>(work: impl Future<Output = T>) -> Result<T, ConfigError> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Nobody sees what a panic leaves of it: it is not polled again.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) if is_about_runtime(&*panic) => Poll::Ready(Err(no_runtime())),
            Err(panic) => resume_unwind(panic),
        }
    })
    .await
}

/// All of tokio's texts about this name its version.
fn is_about_runtime(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).is_some_and(|text| text.contains("Tokio 1.x"))
}

fn no_runtime() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "this is no tokio runtime with timers and I/O",
        "connect inside of one, built with `enable_all()` as `#[tokio::main]` does; blocking code has \
         the feature `blocking`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_panics_go_on() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panicking: fn() = || panic!("on purpose");
        let work = || runtime.block_on(in_runtime(async { panicking() }));
        let panic = catch_unwind(AssertUnwindSafe(work)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
    }
}
