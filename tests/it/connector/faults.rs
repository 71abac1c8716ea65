//! PostgreSQL servers that break, stall, flood and talk nonsense, at each step of a login.
//!
//! Every one of them has the right certificate; `tls_safety` is about those that don't.
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant, SystemTime},
};

use crate::support::{
    chain,
    fake_server::{
        Authority, FakeServer,
        hostile::{Flooded, Misdeed, Step, message, message_of_length},
    },
    trusted,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use postgres_entra::{
    AccessToken, Connector, Error, Identity, Settings, Stage, TlsBackend, TlsErrorKind,
    settings::{Host, SslMode, SslNegotiation},
    source,
};

const HOST: &str = "hostile.postgres.database.azure.com";
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJqdGkiOiJ0aGUgdG9rZW4gb2YgdGhlc2UgdGVzdHMifQ.\
                     c2lnbmF0dXJlLXRoYXQtbXVzdC1ub3QtZ28tYXN0cmF5LTAxMjM0NTY3ODk";
/// Enough for a busy machine to set up TLS for all cases at once.
const LIMIT: Duration = Duration::from_secs(3);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(5);

/// How a connect ended, and what the server saw of it.
struct Outcome {
    error: Error,
    took: Duration,
    server: FakeServer,
    flooded: Flooded,
}

async fn connect(step: Step, misdeed: Misdeed, backend: TlsBackend) -> Outcome {
    connect_with(SslNegotiation::Postgres, step, misdeed, backend).await
}

async fn connect_with(
    negotiation: SslNegotiation,
    step: Step,
    misdeed: Misdeed,
    backend: TlsBackend,
) -> Outcome {
    let authority = Authority::new();
    let acceptor = authority.acceptor(HOST, |_| ());
    let (server, flooded) = match negotiation {
        SslNegotiation::Direct => {
            FakeServer::hostile_with_direct_tls(acceptor, step, misdeed).await
        }
        _ => FakeServer::hostile(acceptor, step, misdeed).await,
    };
    let (_folder, file) = trusted(&authority);
    let host = Host::new(HOST, server.port()).with_address(Ipv4Addr::LOCALHOST.into());
    let settings = Settings::for_hosts(vec![host], Identity::SystemAssigned)
        .with_user("aad_app")
        .with_ssl_negotiation(negotiation)
        .with_ssl_root_cert(file);
    let connector = Connector::builder()
        .settings(settings)
        .tls_backend(backend)
        .deadline(LIMIT)
        .token_source(source::from_fn(|_scope| async {
            AccessToken::new(TOKEN, SystemTime::now() + Duration::from_secs(3600))
        }))
        .build()
        .unwrap();
    let start = Instant::now();
    let error = connector.connect().await.expect_err("no login with this server");
    Outcome { error, took: start.elapsed(), server, flooded }
}

/// Each step with each TLS library, at the same time.
async fn everywhere(misdeed: Misdeed) -> Vec<(Step, String, Outcome)> {
    let cases = Step::ALL
        .into_iter()
        .flat_map(|step| TlsBackend::ALL.iter().map(move |&backend| (step, backend)));
    join_all(cases.map(async |(step, backend)| {
        let outcome = connect(step, misdeed.clone(), backend).await;
        let text = format!("{step:?}, {backend:?}: {}", chain(&outcome.error));
        (step, text, outcome)
    }))
    .await
}

async fn is_tried_again_until_the_deadline(misdeed: Misdeed) {
    for (step, text, outcome) in everywhere(misdeed).await {
        let Outcome { error, took, server, .. } = outcome;
        match &error {
            Error::Connect(_) | Error::Timeout { last: Some(_), .. } => {}
            Error::Tls(error) => assert_eq!(error.kind(), TlsErrorKind::Handshake, "{text}"),
            _ => panic!("{text}"),
        }
        assert!(error.is_transient() && took < LIMIT + SLACK, "{text}: {took:?}");
        assert!(server.connections() > 1, "{text}");
        assert_eq!(server.received(TOKEN), step >= Step::PasswordReceived, "{text}");
    }
}

#[tokio::test]
async fn a_reset_at_any_step_is_transient_and_tried_again_until_the_deadline() {
    is_tried_again_until_the_deadline(Misdeed::Reset).await;
}

#[tokio::test]
async fn an_orderly_close_at_any_step_is_transient_and_tried_again_until_the_deadline() {
    is_tried_again_until_the_deadline(Misdeed::Close).await;
}

#[tokio::test]
async fn a_close_without_a_word_at_any_step_is_transient_and_tried_again_until_the_deadline() {
    is_tried_again_until_the_deadline(Misdeed::HangUp).await;
}

#[tokio::test]
async fn with_direct_tls_a_lost_connection_at_any_step_is_tried_again_and_a_stall_ends_in_time() {
    for misdeed in [Misdeed::Reset, Misdeed::Close, Misdeed::HangUp, Misdeed::Stall] {
        let steps = [Step::Accepted].into_iter().chain(Step::ENCRYPTED);
        let cases = steps.flat_map(|step| TlsBackend::ALL.iter().map(move |&it| (step, it)));
        let outcomes = cases.map(async |(step, backend)| {
            let direct = SslNegotiation::Direct;
            (step, backend, connect_with(direct, step, misdeed.clone(), backend).await)
        });
        for (step, backend, outcome) in join_all(outcomes).await {
            let Outcome { error, took, server, .. } = outcome;
            let text = format!("{misdeed:?} at {step:?}, {backend:?}: {}", chain(&error));
            assert!(error.is_transient() && took < LIMIT + SLACK, "{text}: {took:?}");
            let again = !matches!(misdeed, Misdeed::Stall);
            assert_eq!(server.connections() > 1, again, "{text}");
            assert_eq!(server.received(TOKEN), step >= Step::PasswordReceived, "{text}");
        }
    }
}

#[tokio::test]
async fn half_a_message_and_then_the_end_is_a_lost_connection() {
    let half = message(b'R', &[0, 0, 0, 0])[..5].to_vec();
    let outcomes = Step::ENCRYPTED.map(async |step| {
        let misdeed = Misdeed::SendAndClose(half.clone());
        (step, connect(step, misdeed, TlsBackend::default()).await)
    });
    for (step, Outcome { error, took, server, .. }) in join_all(outcomes).await {
        let text = format!("{step:?}: {}", chain(&error));
        assert!(error.is_transient() && took < LIMIT + SLACK, "{text}: {took:?}");
        assert!(server.connections() > 1, "{text}");
    }
}

#[tokio::test]
async fn a_stall_at_any_step_ends_at_the_deadline_which_names_it() {
    for (step, text, outcome) in everywhere(Misdeed::Stall).await {
        let Outcome { error, took, server, .. } = outcome;
        let Error::Timeout { stage, .. } = &error else { panic!("{text}") };
        let expected = match step {
            Step::Accepted | Step::TlsRequested => Stage::Tcp,
            Step::TlsAgreed => Stage::Tls,
            _ => Stage::Login,
        };
        assert_eq!(*stage, expected, "{text}");
        assert!(took >= LIMIT && took < LIMIT + SLACK, "{text}: {took:?}");
        assert_eq!(server.received(TOKEN), step >= Step::PasswordReceived, "{text}");
    }
}

#[tokio::test]
async fn without_tls_it_is_the_login_that_a_silent_server_leaves_unanswered() {
    let server = FakeServer::silent().await;
    let host = Host::new("localhost", server.port()).with_address(Ipv4Addr::LOCALHOST.into());
    let settings = Settings::for_hosts(vec![host], Identity::Password("not needed".into()))
        .with_user("app")
        .with_ssl_mode(SslMode::Disable);
    let connector = Connector::builder().settings(settings).deadline(LIMIT).build();
    let error = connector.unwrap().connect().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { stage: Stage::Login, .. }), "{}", chain(&error));
    assert!(server.was_asked());
}

#[tokio::test]
async fn an_answer_to_the_request_for_tls_that_is_no_consent_is_no_tls() {
    use TlsErrorKind::{NotOffered, NotPostgres};
    let answers: [(&[u8], _); 5] = [
        (b"N", NotOffered),
        (b"X", NotPostgres),
        (b"\0", NotPostgres),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotPostgres),
        (b"\x4a\0\0\0\x0a8.0.36\0", NotPostgres),
    ];
    for (answer, kind) in answers {
        for &backend in TlsBackend::ALL {
            let misdeed = Misdeed::Send(answer.to_vec());
            let Outcome { error, took, server, .. } =
                connect(Step::TlsRequested, misdeed, backend).await;
            let text = format!("{answer:?}, {backend:?}: {}", chain(&error));
            let Error::Tls(error) = &error else { panic!("{text}") };
            assert_eq!(error.kind(), kind, "{text}");
            assert!(took < LIMIT + SLACK && !server.received(TOKEN), "{text}");
        }
    }
}

/// A postmaster that can't start a process says so before TLS. What it says could be from anybody.
#[tokio::test]
async fn an_error_in_place_of_consent_to_tls_is_an_overloaded_server_and_not_shown() {
    let answer = message(b'E', b"SFATAL\0C53000\0Mcould not fork new process\0\0");
    for &backend in TlsBackend::ALL {
        let misdeed = Misdeed::Send(answer.clone());
        let Outcome { error, took, server, .. } =
            connect(Step::TlsRequested, misdeed, backend).await;
        let text = format!("{backend:?}: {}", chain(&error));
        let failure = match &error {
            Error::Timeout { last: Some(last), .. } => last,
            error => error,
        };
        let Error::Tls(failure) = failure else { panic!("{text}") };
        assert_eq!(failure.kind(), TlsErrorKind::Unavailable, "{text}");
        assert!(error.is_transient() && took < LIMIT + SLACK, "{text}: {took:?}");
        assert!(server.connections() > 2 && !server.received(TOKEN), "{text}");
        assert!(!text.contains("fork"), "{text}");
    }
}

/// What follows the consent in the same packet could have been put there by anybody (CVE-2021-23222).
#[tokio::test]
async fn a_message_in_clear_behind_the_consent_to_tls_is_not_taken_for_the_servers() {
    let cleartext_password = message(b'R', &[0, 0, 0, 3]);
    let answers = [cleartext_password, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), vec![0; 64]];
    for answer in answers {
        for &backend in TlsBackend::ALL {
            let misdeed = Misdeed::Send(answer.clone());
            let Outcome { error, server, .. } = connect(Step::TlsAgreed, misdeed, backend).await;
            let text = format!("{answer:?}, {backend:?}: {}", chain(&error));
            let Error::Tls(error) = &error else { panic!("{text}") };
            assert_eq!(error.kind(), TlsErrorKind::Handshake, "{text}");
            assert!(!error.is_transient() && !server.received(TOKEN), "{text}");
        }
    }
}

#[tokio::test]
async fn a_malformed_message_ends_the_login_at_once() {
    let cases = [
        ("a length below its own size", message_of_length(b'R', 3, &[])),
        ("a length of zero", message_of_length(b'S', 0, &[])),
        ("a negative length", message_of_length(b'R', u32::MAX, &[0; 8])),
        ("an unknown kind", message(b'!', b"?")),
        ("an unknown authentication", message(b'R', &[0, 0, 0, 99])),
        ("an authentication that needs Kerberos", message(b'R', &[0, 0, 0, 7])),
        ("no known SASL mechanism", message(b'R', b"\0\0\0\x0aNONE\0\0")),
        ("a row before any query", message(b'D', &[0, 1, 0, 0, 0, 9, b'x'])),
        ("an error without fields", message(b'E', &[0])),
        ("a parameter that is no text", message(b'S', b"\xff\0\xff\0")),
    ];
    for step in Step::ENCRYPTED {
        for (name, bytes) in &cases {
            let misdeed = Misdeed::Send(bytes.clone());
            let Outcome { error, server, .. } = connect(step, misdeed, TlsBackend::default()).await;
            let text = format!("{name} at {step:?}: {}", chain(&error));
            assert!(matches!(error, Error::Connect(_)) && !error.is_transient(), "{text}");
            assert_eq!(server.connections(), 1, "{text}");
            assert_eq!(server.received(TOKEN), step >= Step::PasswordReceived, "{text}");
        }
    }
}

/// tokio-postgres reports both alike, so it is tried again, up to the deadline.
#[tokio::test]
async fn a_message_that_is_shorter_than_its_content_counts_as_a_lost_connection() {
    let cases = [
        ("an authentication without a method", message(b'R', &[])),
        ("a SASL list without an end", message(b'R', b"\0\0\0\x0aSCRAM-SHA-256")),
        ("an error without an end", message(b'E', b"SFATAL")),
        ("a parameter without an end", message(b'S', b"server_version")),
        ("a key without its half", message(b'K', &[0, 0])),
    ];
    let outcomes = cases.map(async |(name, bytes)| {
        let misdeed = Misdeed::Send(bytes);
        (name, connect(Step::StartupReceived, misdeed, TlsBackend::default()).await)
    });
    for (name, Outcome { error, took, server, .. }) in join_all(outcomes).await {
        let text = format!("{name}: {}", chain(&error));
        assert!(matches!(error, Error::Connect(_) | Error::Timeout { .. }), "{text}");
        assert!(error.is_transient() && took < LIMIT + SLACK, "{text}: {took:?}");
        assert!(server.connections() > 1 && !server.received(TOKEN), "{text}");
    }
}

#[tokio::test]
async fn a_refusal_that_is_no_text_is_still_a_refusal() {
    let refusal = message(b'E', b"SFATAL\0C\xff\xfe\0M\xff\0\0");
    for step in Step::ENCRYPTED {
        let misdeed = Misdeed::Send(refusal.clone());
        let Outcome { error, .. } = connect(step, misdeed, TlsBackend::default()).await;
        assert!(error.is_rejected(), "{step:?}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_message_of_gigabytes_that_never_comes_ends_at_the_deadline() {
    let outcomes = Step::ENCRYPTED.map(async |step| {
        let misdeed = Misdeed::Send(message_of_length(b'R', i32::MAX as u32, &[0; 8]));
        connect(step, misdeed, TlsBackend::default()).await
    });
    for Outcome { error, took, .. } in join_all(outcomes).await {
        assert!(took < LIMIT + SLACK, "{took:?}: {}", chain(&error));
        assert!(matches!(error, Error::Timeout { stage: Stage::Login, .. }), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_flood_is_cut_off_while_it_is_small() {
    let floods = [
        ("one huge message", message_of_length(b'R', i32::MAX as u32, &[]), vec![0; 65_536]),
        (
            "notices",
            Vec::new(),
            message(b'N', &[b"SNOTICE\0M", &[b'x'; 8_000][..], b"\0\0"].concat()),
        ),
        ("parameters", Vec::new(), message(b'S', &[&[b'x'; 8_000][..], b"\0y\0"].concat())),
    ];
    for (name, first, again) in &floods {
        for &backend in TlsBackend::ALL {
            let misdeed = Misdeed::Flood(first.clone(), again.clone());
            let Outcome { error, flooded, .. } =
                connect(Step::Authenticated, misdeed, backend).await;
            let text = format!("{name}, {backend:?}: {error:?}");
            assert!(matches!(error, Error::Connect(_)) && !error.is_transient(), "{text}");
            // One mebibyte, and what the sockets of both sides hold.
            assert!(flooded.bytes() < 16 << 20, "{text}: {} bytes", flooded.bytes());
        }
    }
}

/// An error of the server's: a refusal, or one of a server that is busy.
fn error_message(sqlstate: &str, text: &str) -> Misdeed {
    let fields = [b"SFATAL\0C", sqlstate.as_bytes(), b"\0M", text.as_bytes(), b"\0\0"].concat();
    Misdeed::Send(message(b'E', &fields))
}

/// Whether ten characters of the token's claims or signature in a row are shown, in either case.
fn shows_token(text: &str) -> bool {
    let text = text.to_lowercase();
    let secret = TOKEN.split_once('.').unwrap().1.to_lowercase();
    secret.as_bytes().windows(10).any(|run| text.contains(std::str::from_utf8(run).unwrap()))
}

#[tokio::test]
async fn a_token_that_the_server_repeats_is_shown_in_no_form() {
    let base64 = STANDARD.encode(format!("user:{TOKEN}"));
    let writings = [
        TOKEN.to_owned(),
        TOKEN[..60].to_owned(),
        TOKEN[..TOKEN.len() - 1].to_owned(),
        TOKEN[30..].to_owned(),
        format!("{}\n{}", &TOKEN[..80], &TOKEN[80..]),
        TOKEN.replace('.', "%2E"),
        TOKEN.replace('-', "&#45;"),
        TOKEN.to_uppercase(),
        base64,
    ];
    for text in &writings {
        assert_hides_token("28000", text).await;
    }
    // These go on until the deadline.
    join_all(writings[..4].iter().map(|text| assert_hides_token("57P03", text))).await;
}

async fn assert_hides_token(sqlstate: &str, text: &str) {
    let misdeed = error_message(sqlstate, &format!("invalid password packet: {text}"));
    let outcome = connect(Step::PasswordReceived, misdeed, TlsBackend::default()).await;
    let shown = format!("{} {:?}", chain(&outcome.error), outcome.error);
    assert!(shown.contains("invalid password packet: "), "{shown}");
    assert!(shown.contains("[redacted]"), "{shown}");
    assert!(!shows_token(&shown), "{text} gave {shown}");
}

#[tokio::test]
async fn a_text_of_the_server_is_one_line_of_a_bounded_length() {
    let long = format!("{}Ask the administrator.", "no room here; ".repeat(600));
    let texts = [
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("one\r\ntwo\u{7}", "one two"),
        ("\u{2066}\u{202e}turned\u{2069}", "turned"),
        (&long, "Ask the administrator."),
    ];
    let cases = texts.iter().map(|text| ("28000", text)).chain([("57P03", &texts[3])]);
    for (sqlstate, (text, expected)) in cases {
        let misdeed = error_message(sqlstate, text);
        let outcome = connect(Step::PasswordReceived, misdeed, TlsBackend::default()).await;
        let shown = chain(&outcome.error);
        assert!(shown.contains(expected), "{shown}");
        assert!(
            !shown.contains(|c: char| c.is_control() || "\u{2066}\u{202e}".contains(c)),
            "{shown}"
        );
        assert!(format!("{shown}{:?}", outcome.error).len() < 3000, "{shown}");
    }
}
