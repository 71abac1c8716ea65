//! An application with reqwest and azure_identity of its own, which name no TLS: they have what this crate's
//! feature `rustls` brings.

#[path = "../../common/mod.rs"]
mod common;

#[tokio::main]
async fn main() {
    reqwest::Client::builder().build().expect("a client");
    common::use_every_client().await;
    reqwest::Client::new();
}
