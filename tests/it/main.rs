//! The integration tests: one binary with a folder for each room of the crate.
//!
//! Tests that need a process of their own (an allocator, everything that is logged) are binaries beside
//! this one.

mod architecture;
mod support;

#[cfg(all(feature = "emulator", unix))]
mod admin;
#[cfg(any(feature = "blocking", feature = "diesel"))]
mod blocking;
mod cache;
#[cfg(all(feature = "cli", feature = "emulator", unix))]
mod command;
mod connector;
mod diagnose;
#[cfg(all(feature = "emulator", unix))]
mod emulator;
mod examples;
#[cfg(all(feature = "metrics", feature = "emulator", unix))]
mod metrics;
mod pool;
#[cfg(all(feature = "emulator", unix))]
mod proxy;
mod settings;
mod source;
mod tls;
