//! The examples, run as the documentation says.

#[cfg(all(feature = "deadpool", feature = "emulator", unix))]
mod axum_service;
#[cfg(all(feature = "emulator", unix))]
mod listen;
#[cfg(all(
    feature = "bb8",
    feature = "blocking",
    feature = "cli",
    feature = "deadpool",
    feature = "diesel",
    feature = "diesel-async",
    feature = "emulator",
    feature = "sqlx",
    unix
))]
mod pools;
