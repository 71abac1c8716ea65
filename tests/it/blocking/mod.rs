//! Blocking code: both drivers by the connector's rules, on every kind of thread.

#[cfg(all(feature = "blocking", feature = "diesel", feature = "emulator", unix))]
mod drivers;
#[cfg(all(feature = "diesel", feature = "emulator", unix))]
mod libpq;
#[cfg(all(feature = "blocking", feature = "emulator", target_os = "linux"))]
mod nothing_left;
#[cfg(all(feature = "blocking", feature = "emulator", unix))]
mod postgres;
#[cfg(all(feature = "blocking", feature = "diesel", feature = "emulator", unix))]
mod threads;
