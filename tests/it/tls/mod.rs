//! TLS is always there, and always verified.

#[cfg(all(feature = "emulator", unix))]
mod safety;
