//! An application that has rustls with ring beside this crate's, which is on aws-lc-rs. With two providers in the build,
//! rustls has no default: the application names one, and nobody has done it before.

#[path = "../../common/mod.rs"]
mod common;

use std::sync::Arc;

use rustls::{ClientConfig, crypto::ring};

#[tokio::main]
async fn main() {
    common::use_every_client().await;
    let provider = Arc::new(ring::default_provider());
    let named = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    assert!(named.is_ok());

    ring::default_provider().install_default().expect("no default so far");
    let _ = ClientConfig::builder();
    common::use_every_client().await;
}
