// Its test of an application needs the emulator.
#![cfg_attr(any(feature = "emulator", not(doctest)), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
compile_error!("postgres-entra needs a TLS stack: enable the feature `native-tls` or `rustls`");

/// A picture for the end of a page of documentation; it scrolls where the page is narrow.
#[cfg(doc)]
macro_rules! picture {
    ($file:literal) => {
        concat!("\n\n<div style=\"overflow-x:auto\">\n", include_str!($file), "</div>\n")
    };
}

pub mod admin;
/// The guide: one page a subject.
#[cfg(doc)]
pub mod guide {
    #[doc = include_str!("guide/getting_started.md")]
    pub mod getting_started {}
    #[doc = include_str!("guide/identities.md")]
    pub mod identities {}
    #[doc = include_str!("guide/pools.md")]
    pub mod pools {}
    #[doc = include_str!("guide/proxy.md")]
    pub mod proxy {}
    #[cfg(all(feature = "blocking", feature = "diesel"))]
    #[doc = include_str!("guide/blocking.md")]
    pub mod blocking {}
    #[doc = include_str!("guide/command.md")]
    pub mod command {}
    #[doc = include_str!("guide/safety.md")]
    pub mod safety {}
    #[doc = include_str!("guide/tokens.md")]
    #[doc = picture!("guide/pictures/refresher.svg")]
    pub mod tokens {}
    #[doc = include_str!("guide/troubleshooting.md")]
    pub mod troubleshooting {}
    #[cfg(feature = "emulator")]
    #[doc = include_str!("guide/testing.md")]
    pub mod testing {}
    #[doc = include_str!("guide/features.md")]
    pub mod features {}
    #[doc = include_str!("guide/figures.md")]
    #[doc = picture!("guide/pictures/fleet.svg")]
    pub mod figures {}
    #[doc = include_str!("guide/comparison.md")]
    pub mod comparison {}
}
#[cfg(doc)]
#[doc = include_str!("architecture.md")]
#[doc = "\n# In pictures\n\nThe rooms:"]
#[doc = picture!("guide/pictures/rooms.svg")]
#[doc = "\nA connect:"]
#[doc = picture!("guide/pictures/connect.svg")]
pub mod architecture {}
mod background;
#[cfg(any(feature = "blocking", feature = "diesel"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "blocking", feature = "diesel"))))]
pub mod blocking;
mod cache;
mod clock;
mod cloud;
mod config;
mod connector;
pub mod diagnose;
#[cfg(all(feature = "emulator", unix))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "emulator", unix))))]
pub mod emulator;
mod environment;
mod error;
#[cfg(any(feature = "bb8", feature = "blocking", feature = "diesel"))]
mod error_log;
mod excerpt;
mod identity;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
#[cfg(any(feature = "bb8", feature = "deadpool", feature = "diesel-async", feature = "sqlx"))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(
        feature = "bb8",
        feature = "deadpool",
        feature = "diesel-async",
        feature = "sqlx"
    )))
)]
pub mod pool;
pub mod proxy;
mod random;
mod secret;
/// The values that [`Settings`] are made of.
pub mod settings {
    pub use crate::config::{
        ChannelBinding, Host, Keepalives, Origin, SslMode, SslNegotiation, TargetSessionAttrs,
    };
}
pub mod source;
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
mod tests;
mod tls;
mod token;
mod wire;

pub use cache::{CacheStats, KeepFresh, RefreshPolicy, TokenCache};
pub use cloud::Cloud;
pub use config::{ConnectionNames, Settings};
pub use connector::{Connector, ConnectorBuilder, LibpqVariables, connect};
pub use diagnose::Report;
pub use environment::Environment;
pub use error::{
    ConfigError, ConfigErrorKind, ConnectError, Error, Rejection, RejectionReason, Stage, TlsError,
    TlsErrorKind, TokenError, TokenErrorKind,
};
pub use identity::{Identity, UserAssignedId};
pub use secret::Secret;
pub use source::{TokenFuture, TokenSource};
pub use tls::{TlsBackend, TlsStream};
pub use token::{AccessToken, Claims, ClaimsError};
