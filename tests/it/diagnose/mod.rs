//! The doctor.

#[cfg(all(feature = "emulator", unix))]
mod limits;
#[cfg(all(feature = "emulator", unix))]
mod report;
