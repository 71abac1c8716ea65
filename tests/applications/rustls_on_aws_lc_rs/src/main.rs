//! An application that has rustls with aws-lc-rs, reqwest on it and azure_identity as it comes, beside this crate as it
//! comes: with native-tls.

#[path = "../../common/mod.rs"]
mod common;

use rustls::{ClientConfig, crypto::aws_lc_rs};

#[tokio::main]
async fn main() {
    reqwest::Client::builder().build().expect("a client");
    common::use_every_client().await;
    aws_lc_rs::default_provider().install_default().expect("no default so far");
    let _ = ClientConfig::builder();
    common::use_every_client().await;
}
