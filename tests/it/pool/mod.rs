//! Each pool across the lives of tokens, on a real server.

#[cfg(all(
    feature = "bb8",
    feature = "deadpool",
    feature = "diesel-async",
    feature = "emulator",
    feature = "sqlx",
    unix
))]
mod attempts;
#[cfg(all(feature = "bb8", feature = "emulator", unix))]
mod bb8;
#[cfg(all(feature = "deadpool", feature = "emulator", unix))]
mod deadpool;
#[cfg(all(feature = "diesel-async", feature = "emulator", unix))]
mod diesel_async;
#[cfg(all(
    feature = "bb8",
    feature = "blocking",
    feature = "deadpool",
    feature = "diesel",
    feature = "diesel-async",
    feature = "emulator",
    feature = "sqlx",
    target_os = "linux"
))]
mod failover;
#[cfg(all(any(feature = "blocking", feature = "diesel"), feature = "emulator", unix))]
mod r2d2;
#[cfg(all(feature = "sqlx", feature = "emulator", unix))]
mod sqlx;
#[cfg(all(
    feature = "bb8",
    feature = "blocking",
    feature = "deadpool",
    feature = "diesel",
    feature = "diesel-async",
    feature = "emulator",
    feature = "sqlx",
    target_os = "linux"
))]
mod vanishing;
