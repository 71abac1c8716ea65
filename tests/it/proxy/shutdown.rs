//! The end of a proxy.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::*;
use crate::support::shared_azure;

#[tokio::test]
async fn sessions_may_end_in_their_own_time() {
    let scene = scene(shared_azure()).await;
    let (socket, port) = (scene.socket(), scene.port());
    let client = connect(&socket).await.unwrap();
    let ends = tokio::spawn(scene.proxy.shut_down(Duration::from_secs(60)));
    let refused = async {
        while connect(&socket).await.is_ok() || connect(&port).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    refused.await;
    assert!(!scene.folder.exists());
    client.batch_execute("SELECT 1").await.unwrap();
    assert!(!ends.is_finished());
    drop(client);
    tokio::time::timeout(Duration::from_secs(10), ends).await.expect("an early end").unwrap();
}

#[tokio::test]
async fn sessions_that_stay_are_told_as_a_server_would() {
    let scene = scene(shared_azure()).await;
    let idle = connect(&scene.socket()).await.unwrap();
    let busy = connect(&scene.port()).await.unwrap();
    let began = Instant::now();
    let query = busy.batch_execute("SELECT pg_sleep(60)");
    let (result, ()) = tokio::join!(query, scene.proxy.shut_down(Duration::from_millis(100)));
    assert_eq!(result.unwrap_err().code(), Some(&SqlState::ADMIN_SHUTDOWN));
    assert!(idle.batch_execute("SELECT 1").await.is_err());
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// The server sends rows for ever; none of them is cut in half.
#[tokio::test]
async fn a_session_amid_an_answer_is_told_after_a_whole_message() {
    let scene = scene(shared_azure()).await;
    let client = connect(&scene.socket()).await.unwrap();
    let rows = client.simple_query("SELECT repeat('x', 100) FROM generate_series(1, 100000000)");
    let (result, ()) = tokio::join!(rows, scene.proxy.shut_down(Duration::from_millis(100)));
    assert_eq!(result.unwrap_err().code(), Some(&SqlState::ADMIN_SHUTDOWN));
}

#[tokio::test]
async fn dropping_it_ends_everything_at_once() {
    let scene = scene(shared_azure()).await;
    let client = connect(&scene.socket()).await.unwrap();
    let folder = scene.folder.clone();
    drop(scene.proxy);
    assert!(client.batch_execute("SELECT 1").await.is_err());
    assert!(!folder.exists());
}
