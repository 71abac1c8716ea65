//! What the integration tests share.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

#[cfg(all(feature = "emulator", unix))]
mod azure;
pub mod child;
#[cfg(feature = "cli")]
pub mod command;
pub mod examples;
#[cfg(all(feature = "emulator", unix))]
pub mod fake_server;
#[cfg(all(feature = "emulator", unix))]
pub mod frozen;
pub mod hostile_http;
pub mod http;
pub mod leaks;
#[cfg(all(feature = "emulator", unix))]
pub mod listener;
pub mod log;
#[cfg(all(feature = "emulator", target_os = "linux"))]
pub mod pgbouncer;
#[cfg(all(feature = "emulator", unix))]
pub mod pool_story;
#[cfg(all(feature = "emulator", unix))]
pub mod relay;
#[cfg(target_os = "linux")]
pub mod swallowing;
#[cfg(all(feature = "emulator", target_os = "linux"))]
pub mod unmodified_postgres;

pub mod threads;

use std::{error::Error, net::SocketAddr, time::Duration};

#[cfg(all(feature = "emulator", unix))]
pub use azure::*;

/// Waits until the condition holds; panics if it doesn't within ten seconds.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let poll = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, poll).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Waits until the server runs `pg_sleep`: a statement has to be running before it can be cancelled.
pub async fn sleeps(watcher: &tokio_postgres::Client) {
    let sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    eventually("the statement runs", async || {
        !watcher.query(sleeping, &[]).await.unwrap().is_empty()
    })
    .await;
}

/// Says why a test shows nothing on this machine.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// The same for want of a program that every machine of CI has.
pub fn skip_without(program: &str) {
    assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
    skip(&format!("{program} is not installed"));
}

/// An address on loopback that refuses connections, and that nobody else gets while the socket lives.
pub fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    // Bound and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// An error with all of its causes, as a person would print it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
