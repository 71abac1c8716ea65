//! The examples, run as the documentation says.

#[cfg(all(feature = "deadpool", feature = "emulator", unix))]
mod axum_service;
#[cfg(all(
    feature = "bb8",
    feature = "cli",
    feature = "deadpool",
    feature = "diesel-async",
    feature = "emulator",
    feature = "sqlx",
    unix
))]
mod pools;
