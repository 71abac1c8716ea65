//! One verified TLS connector, over native-tls or rustls.

#[cfg(feature = "rustls")]
mod rustls_config;

#[cfg(feature = "rustls")]
pub(crate) use rustls_config::client_config as rustls_client_config;
