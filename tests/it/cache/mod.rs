//! The refresher behind a connector, with real identity services.

#[cfg(all(feature = "emulator", unix))]
mod outage;
#[cfg(all(feature = "emulator", unix))]
mod refresh;
