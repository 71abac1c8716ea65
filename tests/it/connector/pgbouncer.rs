//! What a real PgBouncer says, and what becomes of it. It takes no tokens, and so lets everybody in whom
//! a case does not have it refuse.
use std::time::{Duration, SystemTime};

use crate::support::{
    chain,
    pgbouncer::{PgBouncer, is_installed},
    shared_azure,
};
use postgres_entra::{
    AccessToken, Connector, ConnectorBuilder, Error, RejectionReason, Settings, TlsBackend,
    TlsErrorKind, settings::SslNegotiation, source,
};

const LIMIT: Duration = Duration::from_secs(20);

/// What is set in the section `[pgbouncer]`.
type Parameters<'a> = &'a [(&'a str, &'a str)];

/// A line of the section `[databases]`: to the application's database as its role.
const DATABASE: &str = "dbname=orders user=aad_app";

fn connector(settings: Settings) -> ConnectorBuilder {
    let token = source::from_fn(|_| async {
        AccessToken::new("no-token-at-all", SystemTime::now() + Duration::from_secs(3600))
    });
    Connector::builder().settings(settings).token_source(token).deadline(LIMIT)
}

#[tokio::test]
async fn a_session_goes_through_in_each_mode() {
    if !is_installed() {
        return;
    }
    for mode in ["session", "transaction", "statement"] {
        let pooler = PgBouncer::start(shared_azure(), DATABASE, &[("pool_mode", mode)]).await;
        let connector = connector(pooler.settings()).build().unwrap();
        let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let rows = client.simple_query("SELECT current_user").await.unwrap();
        let user = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        assert_eq!(user, Some("aad_app"), "{mode}");
        let report = connector.diagnose().await;
        assert!(report.is_healthy(), "{mode}: {report}");
    }
}

#[tokio::test]
async fn its_refusals_and_those_of_the_server_behind_it_have_their_reason_and_hint() {
    use RejectionReason::*;
    if !is_installed() {
        return;
    }
    let server = shared_azure().server();
    for statement in [
        "CREATE ROLE at_rest NOLOGIN",
        "CREATE DATABASE shut",
        "ALTER DATABASE shut ALLOW_CONNECTIONS false",
        "CREATE DATABASE guarded",
        "REVOKE CONNECT ON DATABASE guarded FROM PUBLIC",
    ] {
        server.execute(statement).await.unwrap();
    }
    let no_login = "dbname=orders user=at_rest";
    let cases: [(&str, Parameters<'_>, RejectionReason, &str); 10] = [
        ("dbname=absent user=aad_app", &[], DatabaseMissing, "database name"),
        ("dbname=shut user=aad_app", &[], DatabaseClosed, "ALLOW_CONNECTIONS"),
        ("dbname=guarded user=aad_app", &[], PermissionDenied, "GRANT CONNECT"),
        ("dbname=orders user=absent", &[], RoleMissing, "pgaadauth_list_principals"),
        (no_login, &[], LoginForbidden, "LOGIN"),
        ("dbname=orders", &[("auth_type", "plain")], AuthenticationFailed, "port 5432"),
        ("dbname=orders", &[("auth_type", "scram-sha-256")], AuthenticationFailed, "port 5432"),
        ("dbname=orders", &[("auth_type", "md5")], AuthenticationFailed, "port 5432"),
        ("dbname=orders", &[("auth_type", "hba")], NotAdmitted, "networking settings"),
        // Everybody is let in as somebody, and nobody says as whom.
        ("dbname=orders", &[], ServerFault, "PgBouncer"),
    ];
    for (database, settings, reason, hint) in cases {
        let pooler = PgBouncer::start(shared_azure(), database, settings).await;
        let connector = connector(pooler.settings()).build().unwrap();
        let error = connector.connect().await.unwrap_err();
        let Error::Rejected(rejection) = &error else { panic!("{database}: {}", chain(&error)) };
        assert_eq!(rejection.reason(), reason, "{database} {settings:?}: {rejection}");
        assert!(rejection.hint().contains(hint), "{database} {settings:?}: {rejection}");
    }
}

#[tokio::test]
async fn a_parameter_that_it_does_not_know_is_named_unless_it_passes_over_it() {
    if !is_installed() {
        return;
    }
    let ignored = ("ignore_startup_parameters", "options");
    for (settings, is_refused) in [(&[][..], true), (&[ignored], false)] {
        let pooler = PgBouncer::start(shared_azure(), DATABASE, settings).await;
        let with_options = pooler.settings().with_options("-c geqo=off");
        match connector(with_options).build().unwrap().connect().await {
            Ok(_) => assert!(!is_refused),
            Err(Error::Rejected(rejection)) => {
                assert!(is_refused, "{rejection}");
                assert_eq!(rejection.reason(), RejectionReason::SessionParameter, "{rejection}");
                assert!(rejection.hint().contains("ignore_startup_parameters"), "{rejection}");
            }
            Err(error) => panic!("{}", chain(&error)),
        }
    }
}

#[tokio::test]
async fn one_that_is_full_or_gives_up_on_the_server_is_busy() {
    if !is_installed() {
        return;
    }
    let nowhere = "host=127.0.0.1 port=1 dbname=orders user=aad_app";
    let cases = [
        (DATABASE, ("max_client_conn", "0"), "no more connections allowed"),
        (nowhere, ("query_wait_timeout", "1"), "query_wait_timeout"),
    ];
    for (database, setting, text) in cases {
        let pooler = PgBouncer::start(shared_azure(), database, &[setting]).await;
        let connector = connector(pooler.settings()).deadline(Duration::from_secs(4));
        let error = connector.build().unwrap().connect().await.unwrap_err();
        assert!(error.is_transient(), "{}", chain(&error));
        let shown = chain(&error);
        assert!(shown.contains(text) && shown.contains("PgBouncer is full or has lost"), "{shown}");
    }
}

#[tokio::test]
async fn without_tls_or_with_another_beginning_of_it_the_setting_is_named() {
    if !is_installed() {
        return;
    }
    let without = [("client_tls_sslmode", "disable")];
    let without = PgBouncer::start(shared_azure(), DATABASE, &without).await;
    let with = PgBouncer::start(shared_azure(), DATABASE, &[]).await;
    for &backend in TlsBackend::ALL {
        let direct = with.settings().with_ssl_negotiation(SslNegotiation::Direct);
        let cases = [
            (without.settings(), TlsErrorKind::NotOffered, "client_tls_sslmode"),
            (direct, TlsErrorKind::Handshake, "sslnegotiation=direct"),
        ];
        for (settings, kind, hint) in cases {
            let connector = connector(settings).tls_backend(backend).deadline(LIMIT / 5);
            let error = connector.build().unwrap().connect().await.unwrap_err();
            // PgBouncer from 1.25 on takes the other beginning, and earlier ones hang up.
            let error = match &error {
                Error::Timeout { last: Some(last), .. } => last,
                error => error,
            };
            let Error::Tls(error) = error else { panic!("{}", chain(error)) };
            assert_eq!(error.kind(), kind, "{backend:?}: {}", chain(error));
            assert!(error.hint().contains(hint), "{backend:?}: {error}");
        }
    }
}

/// A statement that was prepared in one session is run in the next: PgBouncer knows of them from 1.21 on,
/// and follows them where `max_prepared_statements` says so.
#[cfg(feature = "diesel-async")]
#[tokio::test]
async fn diesel_tells_its_set_up_from_the_login() {
    use crate::support::{eventually, pgbouncer::version};

    if !is_installed() {
        return;
    }
    let in_turn = [
        ("pool_mode", "transaction"),
        ("default_pool_size", "2"),
        ("min_pool_size", "2"),
        ("server_round_robin", "1"),
    ];
    let pooler = PgBouncer::start(shared_azure(), DATABASE, &in_turn).await;
    let connector = connector(pooler.settings()).build().unwrap();
    let set_up = async || postgres_entra::pool::diesel_async::connect(&connector).await;
    if version() >= (1, 21) {
        return drop(set_up().await);
    }
    eventually("a session is not made ready", async || {
        let Err(error) = set_up().await else { return false };
        let shown = chain(&error);
        assert!(shown.contains("was not made ready for use"), "{shown}");
        assert!(shown.contains("prepared statement"), "{shown}");
        assert!(error.hint().contains("max_prepared_statements"), "{shown}");
        true
    })
    .await;
}
