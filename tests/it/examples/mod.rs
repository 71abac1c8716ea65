//! The examples, run as the documentation says.

#[cfg(all(feature = "deadpool", feature = "emulator", unix))]
mod axum_service;
#[cfg(all(feature = "emulator", unix))]
mod doctor;
#[cfg(all(feature = "emulator", unix))]
mod local_azure;
#[cfg(all(
    feature = "bb8",
    feature = "deadpool",
    feature = "diesel-async",
    feature = "emulator",
    feature = "sqlx",
    unix
))]
mod pools;
#[cfg(all(feature = "emulator", unix))]
mod provision;
#[cfg(all(feature = "emulator", unix))]
mod psql;
