//! Local clients that mean no good, and those that are merely broken.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    os::unix::fs::{MetadataExt, PermissionsExt},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};
use tokio_postgres::error::SqlState;

use super::*;
use crate::support::{eventually, shared_azure, skip};

impl Scene {
    async fn dial_port(&self) -> TcpStream {
        TcpStream::connect(self.proxy.address().unwrap()).await.unwrap()
    }

    async fn dial_socket(&self) -> UnixStream {
        UnixStream::connect(self.folder.join(".s.PGSQL.5432")).await.unwrap()
    }
}

#[tokio::test]
async fn what_is_no_start_up_is_answered_briefly_and_disturbs_nobody() {
    let scene = scene(shared_azure()).await;
    let client = connect(&scene.socket()).await.unwrap();
    let client_hello = [&b"\x16\x03\x01\x00\x80"[..], &[7; 128]].concat();
    let huge = [&1_000_000_000_u32.to_be_bytes()[..], b"\0\x03\0\0user\0"].concat();
    let protocol_2 = b"\0\0\0\x08\0\x02\0\0";
    for opening in [&client_hello[..], &huge, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", protocol_2] {
        let mut stream = scene.dial_socket().await;
        stream.write_all(opening).await.unwrap();
        let mut answer = Vec::new();
        // What it did not read makes the kernel reset the connection after the answer.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"E"), "{opening:?}: {answer:?}");
        assert!(answer.windows(6).any(|part| part == b"C08P01"), "{opening:?}: {answer:?}");
        client.batch_execute("SELECT 1").await.unwrap();
    }
    assert_eq!(scene.proxy.stats().refused, 4);
}

#[tokio::test]
async fn whoever_is_slow_to_say_what_it_wants_is_given_up() {
    let limit = Duration::from_millis(200);
    let scene = scene_with(&connector(shared_azure()), |proxy| proxy.start_up_limit(limit)).await;
    let mut silent = scene.dial_port().await;
    let mut slow = scene.dial_port().await;
    slow.write_all(b"\0\0\0\x20\0\x03").await.unwrap();
    // Asked for the password, and gone without a word: the connection stays open.
    let mut half_open = scene.dial_port().await;
    half_open.write_all(b"\0\0\0\x11\0\x03\0\0user\0me\0\0").await.unwrap();
    half_open.read_exact(&mut [0; 9]).await.unwrap();
    for stream in [&mut silent, &mut slow, &mut half_open] {
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
    assert_eq!(scene.proxy.stats().refused, 3);
}

/// Half of them leave at once, the others say nothing: more than may wait, so that each makes room.
#[tokio::test]
async fn ten_thousand_connections_to_the_socket_are_got_rid_of_and_disturb_nobody() {
    let scene = scene(shared_azure()).await;
    let client = connect(&scene.socket()).await.unwrap();
    let mut silent = VecDeque::new();
    for number in 0..10_000 {
        let stream = scene.dial_socket().await;
        if number % 2 == 0 {
            silent.push_back(stream);
        }
        if silent.len() > 300 {
            // One that was given up long ago.
            let mut oldest = silent.pop_front().unwrap();
            assert_eq!(oldest.read(&mut [0]).await.unwrap_or(0), 0);
        }
        if number % 2_000 == 0 {
            client.batch_execute("SELECT 1").await.unwrap();
            connect(&scene.socket()).await.unwrap().batch_execute("SELECT 1").await.unwrap();
        }
    }
    let stats = scene.proxy.stats();
    assert!(stats.refused >= 4_500 && stats.failed == 0, "{stats:?}");
}

/// More than may wait: those who came first make room.
#[tokio::test]
async fn a_flood_of_silent_connections_does_not_keep_programs_out() {
    let scene = scene(shared_azure()).await;
    let mut flood = Vec::new();
    for _ in 0..300 {
        flood.push(scene.dial_port().await);
    }
    for config in [scene.port(), scene.socket()] {
        connect(&config).await.unwrap().batch_execute("SELECT 1").await.unwrap();
    }
    assert_eq!(flood[0].read(&mut [0]).await.unwrap_or(0), 0);
    assert!(scene.proxy.stats().refused >= 100, "{:?}", scene.proxy.stats());
}

#[tokio::test]
async fn there_are_no_more_sessions_than_there_may_be() {
    let one = NonZeroU32::MIN;
    let scene = scene_with(&connector(shared_azure()), |builder| builder.max_sessions(one)).await;
    let client = connect(&scene.socket()).await.unwrap();
    let error = connect(&scene.port()).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS));
    drop(client);
    eventually("the place is free", async || connect(&scene.port()).await.is_ok()).await;
}

#[tokio::test]
async fn nobody_else_can_enter_the_folder() {
    let scene = scene(shared_azure()).await;
    let mode = |path: &std::path::Path| path.metadata().unwrap().mode() & 0o777;
    assert_eq!(mode(&scene.folder), 0o700);
    assert_eq!(mode(&scene.folder.join(".s.PGSQL.5432")), 0o600);
}

/// The kernel says who connects; only the administrator can play somebody else here.
#[tokio::test]
async fn programs_of_other_users_are_refused_unless_they_are_named() {
    const NOBODY: u32 = 65_534;
    const OTHER: u32 = 65_533;
    let scene = scene_with(&connector(shared_azure()), |builder| builder.allow_uid(NOBODY)).await;
    if scene.folder.metadata().unwrap().uid() != 0 {
        return skip("only root can be other users");
    }
    let parent = scene.folder.parent().unwrap();
    std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let psql = async |uid| {
        let mut command = tokio::process::Command::new("psql");
        command.env("PGHOST", &scene.folder).env("HOME", "/").uid(uid).kill_on_drop(true);
        command.args(["-XAtc", "SELECT current_user", "orders", "anyone"]).output().await.unwrap()
    };
    let allowed = psql(NOBODY).await;
    assert_eq!(String::from_utf8_lossy(&allowed.stdout).trim(), "aad_app", "{allowed:?}");
    let refused = psql(OTHER).await;
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("not for the user with the id 65533"), "{complaint}");
}

#[tokio::test]
async fn an_empty_password_or_nothing_to_listen_on_is_refused() {
    let connector = connector(shared_azure());
    let error = Proxy::builder(&connector).start().await.unwrap_err().to_string();
    assert!(error.contains("nothing to listen on"), "{error}");
    let error = Proxy::builder(&connector).loopback(0, "").start().await.unwrap_err().to_string();
    assert!(error.contains("password") && error.contains("empty"), "{error}");
}
