//! The doctor.

#[cfg(all(feature = "emulator", unix))]
mod limits;
#[cfg(all(feature = "emulator", unix))]
mod report;
#[cfg(all(
    feature = "emulator",
    feature = "rustls",
    feature = "deadpool",
    feature = "bb8",
    feature = "sqlx",
    target_os = "linux"
))]
mod troubleshooting;
