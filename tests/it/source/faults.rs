//! Identity endpoints that break, stall, flood and talk nonsense.
//!
//! What well-formed answers lead to is in `source_replies`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::hostile_http::{HostileEndpoint, Then};
use futures_util::future::join_all;
use postgres_entra::{
    RefreshPolicy, TokenCache, TokenError, TokenErrorKind, TokenSource,
    source::{AppService, ClientSecret, Imds},
};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const LIMIT: Duration = Duration::from_millis(1_500);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(5);
/// One mebibyte, and what the sockets of both sides hold.
const FEW_BYTES: u64 = 16 << 20;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const JSON: &str = r#"{"access_token":"abc","expires_in":3600,"padding":""#;

fn sources(url: &str) -> [Arc<dyn TokenSource>; 3] {
    let client_secret = ClientSecret::new("tenant", "client", "secret-value").unwrap();
    [
        Arc::new(Imds::new().with_base_url(url).unwrap()),
        Arc::new(AppService::new(url, "header-value").unwrap()),
        Arc::new(client_secret.with_authority_host(url).unwrap()),
    ]
}

/// How a fetch ended, and what the endpoint saw of it.
struct Outcome {
    error: TokenError,
    took: Duration,
    endpoint: HostileEndpoint,
}

/// A fetch by each source, through a cache that gives it a time limit.
async fn fetch(beginning: impl AsRef<[u8]>, then: Then) -> Vec<Outcome> {
    let beginning = beginning.as_ref();
    let fetches = (0..3).map(async |index: usize| {
        let endpoint = HostileEndpoint::start(beginning, then.clone()).await;
        let [imds, app_service, entra] = sources(&endpoint.url());
        let source = [imds, app_service, entra][index].clone();
        let policy = RefreshPolicy::default().fetch_deadline(LIMIT).unwrap();
        let cache = TokenCache::with_policy(source, SCOPE, policy);
        let start = Instant::now();
        let error = cache.token().await.expect_err("no token from this endpoint");
        Outcome { error, took: start.elapsed(), endpoint }
    });
    join_all(fetches).await
}

fn with_length(length: usize) -> String {
    format!("{HEAD}content-length: {length}\r\n\r\n{JSON}")
}

#[tokio::test]
async fn a_reset_is_followed_by_another_request_until_the_deadline() {
    for beginning in ["", "HTTP/1.1 2", HEAD, &with_length(200)] {
        for Outcome { error, took, endpoint } in fetch(beginning, Then::Reset).await {
            assert_eq!(error.kind(), TokenErrorKind::Timeout, "{beginning:?}: {error}");
            assert!(took >= LIMIT && took < LIMIT + SLACK, "{error}: {took:?}");
            assert!(endpoint.connections() > 1, "{beginning:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_stall_ends_at_the_deadline() {
    for beginning in ["", "HTTP/1.1 2", HEAD, &with_length(200)] {
        for Outcome { error, took, endpoint } in fetch(beginning, Then::Stall).await {
            assert_eq!(error.kind(), TokenErrorKind::Timeout, "{beginning:?}: {error}");
            assert!(took >= LIMIT && took < LIMIT + SLACK, "{error}: {took:?}");
            assert_eq!(endpoint.connections(), 1, "{beginning:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_byte_a_second_does_not_extend_the_deadline() {
    for beginning in ["HTTP/1.1 2", HEAD, &with_length(1_000)] {
        for Outcome { error, took, endpoint } in fetch(beginning, Then::Trickle(b'0')).await {
            assert_eq!(error.kind(), TokenErrorKind::Timeout, "{beginning:?}: {error}");
            assert!(took < LIMIT + SLACK, "{error}: {took:?}");
            assert_eq!(endpoint.connections(), 1, "{beginning:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_cut_off_while_it_is_small() {
    let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();
    let bodies = [
        (with_length(100 << 20), vec![b'x'; 65_536]),
        (format!("{HEAD}\r\n{JSON}"), vec![b'x'; 65_536]),
        (format!("{HEAD}transfer-encoding: chunked\r\n\r\n"), chunk),
    ];
    for (beginning, flood) in bodies {
        for Outcome { error, endpoint, .. } in fetch(&beginning, Then::Flood(flood.clone())).await {
            assert_eq!(error.kind(), TokenErrorKind::InvalidResponse, "{error}");
            assert_eq!(endpoint.connections(), 1, "{error}");
            assert!(endpoint.bytes_taken() < FEW_BYTES, "{error}: {}", endpoint.bytes_taken());
        }
    }
}

#[tokio::test]
async fn a_refusal_of_a_hundred_megabytes_keeps_its_status_and_is_cut_off() {
    let refusal = "HTTP/1.1 403 Forbidden\r\n\r\n<html>";
    for Outcome { error, endpoint, .. } in fetch(refusal, Then::Flood(vec![b'x'; 65_536])).await {
        assert_eq!((error.kind(), error.status()), (TokenErrorKind::Denied, Some(403)), "{error}");
        assert!(error.to_string().len() < 1_000, "{error}");
        assert!(endpoint.bytes_taken() < FEW_BYTES, "{error}: {}", endpoint.bytes_taken());
    }
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    let floods = [
        (HEAD, b"x-header: value\r\n".repeat(4_096)),
        (HEAD, vec![b'x'; 65_536]),
        ("", vec![b'x'; 65_536]),
    ];
    for (beginning, flood) in floods {
        for Outcome { error, took, endpoint } in fetch(beginning, Then::Flood(flood.clone())).await
        {
            assert_eq!(error.kind(), TokenErrorKind::InvalidResponse, "{error}");
            assert!(took < LIMIT + SLACK, "{error}: {took:?}");
            assert!(endpoint.bytes_taken() < FEW_BYTES, "{error}: {}", endpoint.bytes_taken());
        }
    }
}

/// They may go on for as long as the deadline allows, and none of them is kept.
#[tokio::test]
async fn interim_answers_without_end_stop_at_the_deadline() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    for Outcome { error, took, .. } in fetch("", Then::Flood(interim.clone())).await {
        assert!(took < LIMIT + SLACK, "{error}: {took:?}");
        assert_eq!(error.kind(), TokenErrorKind::Timeout, "{error}");
    }
}

#[tokio::test]
async fn the_answer_of_another_service_is_no_token() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabVJLNN-.\x06\x00".to_vec();
    let gzip_head =
        format!("{HEAD}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", gzip.len());
    let answers: [&[u8]; 6] = [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"E\0\0\0\x1aSFATAL\0C08P01\0Mwhat?\0\0",
        b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 8\r\n\r\n\x89PNG\r\n\x1a\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        &[gzip_head.as_bytes(), &gzip].concat(),
    ];
    for answer in answers {
        for Outcome { error, endpoint, .. } in fetch(answer, Then::Close).await {
            let text = format!("{}: {error}", String::from_utf8_lossy(answer));
            assert_eq!(error.kind(), TokenErrorKind::InvalidResponse, "{text}");
            assert_eq!(endpoint.connections(), 1, "{text}");
        }
    }
}

#[tokio::test]
async fn a_redirect_to_itself_is_not_followed() {
    let redirect = "HTTP/1.1 307 X\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n";
    for Outcome { error, endpoint, .. } in fetch(redirect, Then::Close).await {
        assert_eq!(error.status(), Some(307), "{error}");
        assert_eq!(endpoint.connections(), 1, "{error}");
    }
}
