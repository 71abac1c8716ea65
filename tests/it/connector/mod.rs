//! Logging in: which servers are asked, in which way, and what their answers come to.

mod environment;
#[cfg(all(feature = "emulator", unix))]
mod faults;
#[cfg(all(feature = "emulator", target_os = "linux"))]
mod files;
#[cfg(all(feature = "emulator", unix))]
mod hosts;
#[cfg(all(feature = "emulator", unix))]
mod login;
#[cfg(all(feature = "emulator", target_os = "linux"))]
mod pgbouncer;
#[cfg(all(feature = "emulator", unix))]
mod runtimes;
#[cfg(all(feature = "emulator", target_os = "linux"))]
mod unmodified_postgres;
