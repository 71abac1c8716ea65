//! The doctor.

#[cfg(all(feature = "emulator", unix))]
mod report;
