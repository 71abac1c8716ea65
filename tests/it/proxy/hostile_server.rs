//! Servers that are the right ones by their certificate, and mean no good.

use std::{
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};

use postgres_entra::{AccessToken, Identity, Settings, settings::Host, source};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::*;
use crate::support::{
    eventually,
    fake_server::{
        Authority, FakeServer,
        hostile::{Flooded, Misdeed, Step, message},
    },
    trusted,
};

const HOST: &str = "hostile.postgres.database.azure.com";
const TOKEN: &str =
    "eyJhbGciOiJub25lIn0.eyJqdGkiOiJ0aGUgdG9rZW4gb2YgdGhlc2UgdGVzdHMifQ.c2lnbmF0dXJl";

/// A program's start-up message of protocol 3.2.
const STARTUP: &[u8] = b"\0\0\0\x15\0\x03\0\x02user\0anyone\0\0";

/// A proxy before such a server.
struct Rig {
    scene: Scene,
    server: FakeServer,
    flooded: Flooded,
    _roots: tempfile::TempDir,
}

/// A proxy before a server that goes wrong in this way at this step.
async fn before(step: Step, misdeed: Misdeed) -> Rig {
    let authority = Authority::new();
    let (server, flooded) =
        FakeServer::hostile(authority.acceptor(HOST, |_| ()), step, misdeed).await;
    let (_roots, roots) = trusted(&authority);
    let host = Host::new(HOST, server.port()).with_address(Ipv4Addr::LOCALHOST.into());
    let settings = Settings::for_hosts(vec![host], Identity::SystemAssigned)
        .with_user("aad_app")
        .with_ssl_root_cert(roots);
    let connector = Connector::builder()
        .settings(settings)
        .deadline(Duration::from_secs(10))
        .token_source(source::from_fn(|_scope| async {
            AccessToken::new(TOKEN, SystemTime::now() + Duration::from_secs(3600))
        }))
        .build()
        .unwrap();
    let scene = scene_with(&connector, |builder| builder).await;
    Rig { scene, server, flooded, _roots }
}

impl Scene {
    /// Connects and sends this.
    async fn send(&self, bytes: &[u8]) -> UnixStream {
        let mut stream = UnixStream::connect(self.folder.join(".s.PGSQL.5432")).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

/// What comes up to this.
async fn read_up_to(stream: &mut UnixStream, end: &[u8]) -> Vec<u8> {
    let mut received = Vec::new();
    while !received.ends_with(end) {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0, "{received:?}");
    }
    received
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn is_within(text: &str, bytes: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn a_flood_during_the_login_is_cut_off_while_it_is_small() {
    let notice = message(b'N', &[b"SNOTICE\0M", &[b'x'; 8_000][..], b"\0\0"].concat());
    let rig = before(Step::Authenticated, Misdeed::Flood(Vec::new(), notice)).await;
    let error = connect(&rig.scene.socket()).await.unwrap_err();
    let error = error.as_db_error().expect("an error of PostgreSQL's kind");
    assert_eq!(error.code().code(), "08001");
    assert!(error.message().contains("more than 1 MiB during the login"), "{error}");
    // One mebibyte, and what the sockets of both sides hold.
    assert!(rig.flooded.bytes() < 16 << 20, "{} bytes", rig.flooded.bytes());
}

#[tokio::test]
async fn a_message_of_the_login_that_repeats_the_token_reaches_no_program() {
    let greeting = [
        message(b'N', format!("SNOTICE\0Mbefore the end: {TOKEN}\0\0").as_bytes()),
        message(b'N', b"SNOTICE\0Mharmless\0\0"),
        message(b'R', &[0; 4]),
        message(b'N', format!("SNOTICE\0Mbehind the end: {TOKEN}\0\0").as_bytes()),
        message(b'S', format!("echo\0{TOKEN}\0").as_bytes()),
        ready(),
    ];
    let rig = before(Step::PasswordReceived, Misdeed::Send(greeting.concat())).await;
    let mut program = rig.scene.send(STARTUP).await;
    let received = read_up_to(&mut program, &ready()).await;
    assert!(is_within("harmless", &received));
    assert!(!is_within(&TOKEN[..40], &received), "{}", String::from_utf8_lossy(&received));
}

#[tokio::test]
async fn a_refusal_that_repeats_the_token_is_told_without_it() {
    let refusal = format!("SFATAL\0C28000\0Minvalid password packet: {TOKEN}\0\0");
    let refusal = Misdeed::Send(message(b'E', refusal.as_bytes()));
    let rig = before(Step::PasswordReceived, refusal).await;
    let error = connect(&rig.scene.socket()).await.unwrap_err();
    let message = error.as_db_error().unwrap().message().to_owned();
    assert!(message.contains("invalid password packet: [redacted]"), "{message}");
}

/// Protocol 3.2 has keys of up to 256 bytes
/// ([source](https://www.postgresql.org/docs/18/protocol-message-formats.html)).
#[tokio::test]
async fn a_long_cancel_key_of_protocol_3_2_leads_to_its_server() {
    let text = "the key ".repeat(32);
    let key = [b"\0\0\x12\x34", text.as_bytes()].concat();
    let greeting = [message(b'K', &key), ready()].concat();
    let rig = before(Step::Authenticated, Misdeed::Send(greeting.clone())).await;
    let Rig { scene, server, .. } = &rig;
    let mut program = scene.send(STARTUP).await;
    let received = read_up_to(&mut program, &ready()).await;
    assert!(received.ends_with(&greeting), "{received:?}");
    assert!(server.received("\0\x03\0\x02"), "the program's version of the protocol");

    let request = |key: &[u8]| {
        let length = 8 + key.len() as u32;
        [&length.to_be_bytes()[..], b"\x04\xd2\x16\x2e", key].concat()
    };
    let _wrong = scene.send(&request(&key[..key.len() - 1])).await;
    eventually("it is refused", async || scene.proxy.stats().refused == 1).await;
    let _right = scene.send(&request(&key)).await;
    eventually("it is passed on", async || server.received(&text)).await;
    assert_eq!(scene.proxy.stats().cancelled, 1);
}
