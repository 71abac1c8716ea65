//! What both drivers owe to the connector: its retries, deadline and errors.

use std::time::{Duration, Instant};

use postgres_entra::{
    Connector, ConnectorBuilder, Environment, Error, Identity, RejectionReason, Settings, Stage,
    TlsErrorKind,
    blocking::{self, diesel},
    emulator::{ClientType, LocalAzure, Login, Platform, ServerFault},
    settings::{Host, TargetSessionAttrs},
    source,
};

use crate::support::{
    chain,
    fake_server::{
        Authority, FakeServer,
        hostile::{Misdeed, Step, message},
    },
    refusing, shared_azure,
    threads::on_a_thread,
    trusted, vars_with_wrong_secret,
};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(5);

type Connect = fn(&blocking::Connector) -> Result<(), Error>;

/// Connects with either driver, and drops the session.
const DRIVERS: [(&str, Connect); 2] = [
    ("postgres", |connector| connector.connect().map(drop)),
    ("diesel", |connector| diesel::connect(connector).map(drop)),
];

async fn connect(connect: Connect, connector: &Connector) -> Result<(), Error> {
    let connector = blocking::Connector::new(connector);
    on_a_thread(move || connect(&connector)).await
}

fn builder(azure: &LocalAzure) -> ConnectorBuilder {
    let vars = azure.vars(LOGIN, ClientType::Python);
    Connector::builder().environment(Environment::from_vars(vars))
}

fn settings(azure: &LocalAzure) -> Settings {
    Settings::from_vars(azure.vars(LOGIN, ClientType::Python)).unwrap()
}

#[tokio::test]
async fn a_rejected_token_from_the_cache_is_replaced_once() {
    for (driver, open) in DRIVERS {
        let azure = LocalAzure::start().await.unwrap();
        let connector = builder(&azure).build().unwrap();
        connector.token_cache().unwrap().warm_up().await.unwrap();
        azure.server().reject_tokens_issued_before_now();
        connect(open, &connector)
            .await
            .unwrap_or_else(|error| panic!("{driver}: {}", chain(&error)));
        let stats = connector.token_cache().unwrap().stats();
        assert_eq!((stats.fetches, stats.forced), (2, 1), "{driver}");
        assert_eq!(azure.server().logins_rejected(), 1, "{driver}");
    }
}

#[tokio::test]
async fn a_server_that_starts_is_asked_again() {
    for (driver, open) in DRIVERS {
        let azure = LocalAzure::start().await.unwrap();
        azure.server().set_fault(Some(ServerFault::StartingUp { times: 2 }));
        let connector = builder(&azure).build().unwrap();
        connect(open, &connector)
            .await
            .unwrap_or_else(|error| panic!("{driver}: {}", chain(&error)));
    }
}

#[tokio::test]
async fn refusals_say_why_and_are_not_repeated() {
    let azure = shared_azure();
    for (driver, open) in DRIVERS {
        let cases = [
            (
                settings(azure).with_user("aad_wrong"),
                RejectionReason::AuthenticationFailed,
                "28P01",
            ),
            (settings(azure).with_database("absent"), RejectionReason::DatabaseMissing, "3D000"),
        ];
        for (settings, reason, sqlstate) in cases {
            let connector = builder(azure).settings(settings).build().unwrap();
            let error = connect(open, &connector).await.unwrap_err();
            let Error::Rejected(rejection) = &error else { panic!("{driver}: {}", chain(&error)) };
            assert_eq!((rejection.reason(), rejection.sqlstate()), (reason, sqlstate), "{driver}");
        }
    }
}

#[tokio::test]
async fn an_identity_that_is_refused_is_the_tokens_error() {
    for (driver, open) in DRIVERS {
        let connector = Connector::from_vars(vars_with_wrong_secret(shared_azure())).unwrap();
        let error = connect(open, &connector).await.unwrap_err();
        assert!(matches!(error, Error::Token(_)), "{driver}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_at_the_deadline_wherever_it_does() {
    let limit = Duration::from_secs(1);
    for fault in [ServerFault::Silent, ServerFault::SilentAfterTls] {
        let azure = LocalAzure::start().await.unwrap();
        azure.server().set_fault(Some(fault.clone()));
        for (driver, open) in DRIVERS {
            let connector = builder(&azure).deadline(limit).build().unwrap();
            let start = Instant::now();
            let error = connect(open, &connector).await.unwrap_err();
            let Error::Timeout { stage, .. } = &error else {
                panic!("{driver}, {fault:?}: {}", chain(&error))
            };
            let expected = match (driver, &fault) {
                ("postgres", ServerFault::Silent) => Stage::Tcp,
                _ => Stage::Login,
            };
            assert_eq!(*stage, expected, "{driver}, {fault:?}");
            assert!((limit..limit + SLACK).contains(&start.elapsed()), "{driver}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn the_next_server_is_tried_while_there_is_time() {
    let azure = shared_azure();
    let (_socket, dead) = refusing();
    let silent = FakeServer::silent().await;
    let own = settings(azure).hosts()[0].clone();
    let at = |port| Host::new(own.name(), port).with_address(dead.ip());
    let hosts = vec![at(dead.port()), at(silent.port()), own.clone()];
    let mut settings = Settings::for_hosts(hosts, Identity::SystemAssigned)
        .with_user(azure.server().role(LOGIN))
        .with_database(self::settings(azure).database().unwrap());
    if let Some(roots) = self::settings(azure).ssl_root_cert() {
        settings = settings.with_ssl_root_cert(roots);
    }
    for (driver, open) in DRIVERS {
        let connector = builder(azure)
            .settings(settings.clone())
            .deadline(Duration::from_secs(9))
            .build()
            .unwrap();
        connect(open, &connector)
            .await
            .unwrap_or_else(|error| panic!("{driver}: {}", chain(&error)));
    }
}

#[tokio::test]
async fn a_server_has_the_role_that_is_asked_for() {
    use TargetSessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    let azure = shared_azure();
    for (driver, open) in DRIVERS {
        let wanting = |wanted| {
            let settings = settings(azure).with_target_session_attrs(wanted);
            builder(azure).settings(settings).deadline(Duration::from_secs(4)).build().unwrap()
        };
        for wanted in [Any, Primary, PreferStandby, ReadWrite] {
            let connected = connect(open, &wanting(wanted)).await;
            connected.unwrap_or_else(|error| panic!("{driver}: {}", chain(&error)));
        }
        for wanted in [Standby, ReadOnly] {
            let error = connect(open, &wanting(wanted)).await.unwrap_err();
            assert!(error.is_transient(), "{driver}: {}", chain(&error));
        }
    }
}

#[tokio::test]
async fn no_token_goes_to_a_server_without_a_trusted_certificate_or_without_tls() {
    const HOST: &str = "other.postgres.database.azure.com";
    const TOKEN: &str = "eyJ0.token-that-must-not-go-astray.c2ln";
    let (own, other) = (Authority::new(), Authority::new());
    let (_folder, file) = trusted(&own);
    let servers = [
        (FakeServer::without_tls().await, TlsErrorKind::NotOffered),
        (FakeServer::with_tls(other.acceptor(HOST, |_| ())).await, TlsErrorKind::Certificate),
        (FakeServer::with_tls(own.acceptor("x.example", |_| ())).await, TlsErrorKind::Certificate),
    ];
    for (server, kind) in servers {
        let host = Host::new(HOST, server.port()).with_address([127, 0, 0, 1].into());
        let settings = Settings::for_hosts(vec![host], Identity::SystemAssigned)
            .with_user("me")
            .with_ssl_root_cert(&file);
        let token = source::from_fn(|_| async {
            let an_hour = std::time::SystemTime::now() + Duration::from_secs(3600);
            postgres_entra::AccessToken::new(TOKEN, an_hour)
        });
        let connector =
            Connector::builder().settings(settings).token_source(token).build().unwrap();
        for (driver, open) in DRIVERS {
            let error = connect(open, &connector).await.unwrap_err();
            let Error::Tls(error) = &error else { panic!("{driver}: {}", chain(&error)) };
            assert_eq!(error.kind(), kind, "{driver}: {}", chain(error));
        }
        assert!(!server.received(TOKEN));
    }
}

/// A postmaster that can't start a process says so before TLS. What it says could be from anybody.
#[tokio::test]
async fn an_error_in_place_of_consent_to_tls_is_an_overloaded_server_and_not_shown() {
    const HOST: &str = "busy.postgres.database.azure.com";
    let authority = Authority::new();
    let answer = message(b'E', b"SFATAL\0C53000\0Mcould not fork new process\0\0");
    let misdeed = Misdeed::Send(answer);
    let acceptor = authority.acceptor(HOST, |_| ());
    let (server, _) = FakeServer::hostile(acceptor, Step::TlsRequested, misdeed).await;
    let host = Host::new(HOST, server.port()).with_address([127, 0, 0, 1].into());
    let identity = Identity::Password("not sent".into());
    let settings = Settings::for_hosts(vec![host], identity).with_user("me");
    let limit = Duration::from_secs(2);
    let connector = Connector::builder().settings(settings).deadline(limit).build().unwrap();
    for (driver, open) in DRIVERS {
        let before = server.connections();
        let error = connect(open, &connector).await.unwrap_err();
        let text = format!("{driver}: {}", chain(&error));
        let failure = match &error {
            Error::Timeout { last: Some(last), .. } => last,
            error => error,
        };
        let Error::Tls(failure) = failure else { panic!("{text}") };
        assert_eq!(failure.kind(), TlsErrorKind::Unavailable, "{text}");
        assert!(error.is_transient() && !text.contains("fork"), "{text}");
        assert!(server.connections() - before > 1, "{text}");
    }
}

/// An answer that repeats what it refuses.
#[tokio::test]
async fn a_secret_that_the_server_repeats_is_taken_out() {
    let azure = LocalAzure::start().await.unwrap();
    for (driver, open) in DRIVERS {
        let connector = builder(&azure).build().unwrap();
        let token = connector.token_cache().unwrap().token().await.unwrap();
        let text = format!("sorry, too many clients already: {}", token.secret());
        azure.server().set_fault(Some(ServerFault::refuse("53300", &text)));
        let connector = builder(&azure)
            .token_cache(connector.token_cache().unwrap().clone())
            .deadline(Duration::from_secs(1));
        let error = connect(open, &connector.build().unwrap()).await.unwrap_err();
        assert!(!format!("{error:?} {}", chain(&error)).contains(token.secret()), "{driver}");
    }
}
