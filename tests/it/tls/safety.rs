//! A token never reaches a server that is not proven to be the right one.
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant, SystemTime},
};

use crate::support::{
    chain, eventually,
    fake_server::{Authority, FakeServer},
    trusted,
};
use postgres_entra::{
    AccessToken, Connector, ConnectorBuilder, Error, Identity, Settings, Stage, TlsBackend,
    TlsError, TlsErrorKind,
    settings::{Host, SslMode, SslNegotiation},
    source,
};

const HOST: &str = "contoso.postgres.database.azure.com";
const TOKEN: &str = "secret-token-of-the-tls-tests";

fn settings(host: &str, port: u16) -> Settings {
    let host = Host::new(host, port).with_address(Ipv4Addr::LOCALHOST.into());
    Settings::for_hosts(vec![host], Identity::SystemAssigned).with_user("aad_app")
}

fn connector(settings: Settings) -> ConnectorBuilder {
    Connector::builder().settings(settings).deadline(Duration::from_secs(10)).token_source(
        source::from_fn(|_scope| async {
            AccessToken::new(TOKEN, SystemTime::now() + Duration::from_secs(3600))
        }),
    )
}

async fn tls_error(server: &FakeServer, connector: ConnectorBuilder) -> TlsErrorKind {
    refusal(server, connector).await.kind()
}

async fn refusal(server: &FakeServer, connector: ConnectorBuilder) -> TlsError {
    let error = connector.build().unwrap().connect().await.unwrap_err();
    assert!(server.was_asked(), "{}", chain(&error));
    assert!(!server.received(TOKEN), "the token was sent: {}", chain(&error));
    match error {
        Error::Tls(error) => error,
        error => panic!("not a TLS error: {}", chain(&error)),
    }
}

#[tokio::test]
async fn a_server_with_the_right_certificate_gets_the_token() {
    for &backend in TlsBackend::ALL {
        let authority = Authority::new();
        let server = FakeServer::with_tls(authority.acceptor(HOST, |_| ())).await;
        let (_folder, file) = trusted(&authority);
        let settings = settings(HOST, server.port()).with_ssl_root_cert(file);
        let connector = connector(settings).tls_backend(backend).deadline(Duration::from_secs(1));
        let error = connector.build().unwrap().connect().await.unwrap_err();
        assert!(server.received(TOKEN), "{backend:?}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    for &backend in TlsBackend::ALL {
        let server = FakeServer::with_tls(Authority::new().acceptor(HOST, |_| ())).await;
        let connector = connector(settings(HOST, server.port())).tls_backend(backend);
        assert_eq!(tls_error(&server, connector).await, TlsErrorKind::Certificate, "{backend:?}");
    }
}

/// As when an authority is replaced: no restart is needed once the file has the new one.
#[tokio::test]
async fn an_authority_that_comes_into_the_file_later_is_trusted_then() {
    for &backend in TlsBackend::ALL {
        let (old, new) = (Authority::new(), Authority::new());
        let server = FakeServer::with_tls(new.acceptor(HOST, |_| ())).await;
        let (_folder, file) = trusted(&old);
        let settings = settings(HOST, server.port()).with_ssl_root_cert(&file);
        let limit = Duration::from_secs(1);
        let connector = connector(settings).tls_backend(backend).deadline(limit).build().unwrap();
        let error = connector.connect().await.unwrap_err();
        let refused =
            matches!(&error, Error::Tls(error) if error.kind() == TlsErrorKind::Certificate);
        assert!(refused && !server.received(TOKEN), "{backend:?}: {}", chain(&error));

        std::fs::write(&file, new.pem()).unwrap();
        eventually("the new authority is trusted", async || {
            let _ = connector.connect().await;
            server.received(TOKEN)
        })
        .await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    for &backend in TlsBackend::ALL {
        let authority = Authority::new();
        let other = "fabrikam.postgres.database.azure.com";
        let server = FakeServer::with_tls(authority.acceptor(other, |_| ())).await;
        let (_folder, file) = trusted(&authority);
        let settings = settings(HOST, server.port()).with_ssl_root_cert(file);
        let connector = connector(settings).tls_backend(backend);
        assert_eq!(tls_error(&server, connector).await, TlsErrorKind::Certificate, "{backend:?}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    for &backend in TlsBackend::ALL {
        let authority = Authority::new();
        let acceptor = authority.acceptor(HOST, |params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        });
        let server = FakeServer::with_tls(acceptor).await;
        let (_folder, file) = trusted(&authority);
        let settings = settings(HOST, server.port()).with_ssl_root_cert(file);
        let connector = connector(settings).tls_backend(backend);
        assert_eq!(tls_error(&server, connector).await, TlsErrorKind::Certificate, "{backend:?}");
    }
}

#[tokio::test]
async fn the_hint_says_what_is_wrong_with_a_certificate() {
    let past = |params: &mut rcgen::CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    };
    let to_come = |params: &mut rcgen::CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2090, 1, 1);
        params.not_after = rcgen::date_time_ymd(2091, 1, 1);
    };
    for &backend in TlsBackend::ALL {
        let (authority, unknown) = (Authority::new(), Authority::new());
        let (_folder, file) = trusted(&authority);
        let cases = [
            (authority.acceptor("fabrikam.example", |_| ()), "state the server's own name"),
            (authority.acceptor(HOST, past), "check the clock"),
            (authority.acceptor(HOST, to_come), "check the clock"),
            (unknown.acceptor(HOST, |_| ()), "PGSSLROOTCERT"),
        ];
        for (acceptor, hint) in cases {
            let server = FakeServer::with_tls(acceptor).await;
            let settings = settings(HOST, server.port()).with_ssl_root_cert(&file);
            let error = refusal(&server, connector(settings).tls_backend(backend)).await;
            assert!(error.hint().contains(hint), "{backend:?}: {}", chain(&error));
        }
    }
}

/// With TLS 1.3 it says so after the handshake, while the login is waited for.
#[tokio::test]
async fn a_server_that_asks_for_a_certificate_of_ours_is_told_from_one_whose_own_is_refused() {
    for &backend in TlsBackend::ALL {
        let authority = Authority::new();
        let (_folder, file) = trusted(&authority);
        let server = FakeServer::with_tls(authority.acceptor_of_its_own(HOST)).await;
        let settings = settings(HOST, server.port()).with_ssl_root_cert(file);
        let error = refusal(&server, connector(settings).tls_backend(backend)).await;
        assert_eq!(error.kind(), TlsErrorKind::ClientCertificate, "{backend:?}: {}", chain(&error));
        assert!(error.hint().contains("client certificate") && !error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let server = FakeServer::without_tls().await;
    let connector = connector(settings(HOST, server.port()));
    assert_eq!(tls_error(&server, connector).await, TlsErrorKind::NotOffered);
}

#[tokio::test]
async fn a_silent_server_ends_the_connect_at_the_deadline() {
    let server = FakeServer::silent().await;
    let limit = Duration::from_millis(600);
    let connector = connector(settings(HOST, server.port())).deadline(limit).build().unwrap();
    let started = Instant::now();
    let error = connector.connect().await.unwrap_err();
    let took = started.elapsed();
    assert!(matches!(error, Error::Timeout { stage: Stage::Tcp, .. }), "{}", chain(&error));
    assert!(error.is_transient());
    assert!(took >= limit && took < limit + Duration::from_secs(5), "{took:?}");
    assert!(!server.received(TOKEN));
}

#[tokio::test]
async fn direct_tls_begins_with_the_handshake() {
    for &backend in TlsBackend::ALL {
        let server = FakeServer::silent().await;
        let settings = settings(HOST, server.port()).with_ssl_negotiation(SslNegotiation::Direct);
        let connector = connector(settings).tls_backend(backend);
        let connector = connector.deadline(Duration::from_secs(2)).build().unwrap();
        let error = connector.connect().await.unwrap_err();
        assert!(matches!(error, Error::Timeout { stage: Stage::Tls, .. }), "{}", chain(&error));
        assert!(server.received("\x16\x03"), "{backend:?}: no handshake");
    }
}

#[tokio::test]
async fn a_weak_sslmode_with_a_token_is_a_configuration_error() {
    for mode in [SslMode::Disable, SslMode::Allow, SslMode::Prefer] {
        let error = connector(settings(HOST, 1).with_ssl_mode(mode)).build().unwrap_err();
        assert!(error.is_config(), "{mode:?}: {error}");
    }
}

#[tokio::test]
async fn a_host_outside_azure_gets_no_token_unless_it_is_trusted() {
    let authority = Authority::new();
    let server = FakeServer::with_tls(authority.acceptor("db.example", |_| ())).await;
    let (_folder, file) = trusted(&authority);
    let settings = settings("db.example", server.port()).with_ssl_root_cert(file);

    let error = connector(settings.clone()).build().unwrap_err();
    assert!(error.is_config() && error.to_string().contains("trust_host"), "{error}");
    assert!(!server.was_asked());

    let trusting = connector(settings).trust_host("db.example").deadline(Duration::from_secs(1));
    trusting.build().unwrap().connect().await.unwrap_err();
    assert!(server.received(TOKEN));
}

#[tokio::test]
async fn a_token_for_another_service_is_not_sent() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = URL_SAFE_NO_PAD.encode(r#"{"aud":"https://graph.microsoft.com"}"#);
    let token = format!("e30.{claims}.c2ln");
    let authority = Authority::new();
    let server = FakeServer::with_tls(authority.acceptor(HOST, |_| ())).await;
    let (_folder, file) = trusted(&authority);
    let foreign = token.clone();
    let connector = Connector::builder()
        .settings(settings(HOST, server.port()).with_ssl_root_cert(file))
        .token_source(source::from_fn(move |_scope| {
            let token = foreign.clone();
            async move { AccessToken::new(token, SystemTime::now() + Duration::from_secs(3600)) }
        }))
        .build()
        .unwrap();
    let error = connector.connect().await.unwrap_err();
    assert!(matches!(error, Error::Token(_)), "{}", chain(&error));
    assert!(error.to_string().contains("https://graph.microsoft.com"), "{error}");
    assert!(!server.was_asked(), "nothing is sent before the token is checked");
}

#[tokio::test]
async fn an_unreadable_root_certificate_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for &backend in TlsBackend::ALL {
        for file in [folder.path().join("absent.pem"), empty.clone()] {
            let settings = settings(HOST, 1).with_ssl_root_cert(file);
            let connector = connector(settings).tls_backend(backend).build().unwrap();
            let error = connector.connect().await.unwrap_err();
            assert!(error.is_config(), "{backend:?}: {}", chain(&error));
            assert!(error.to_string().contains("PGSSLROOTCERT"), "{error}");
        }
    }
}
