//! Rejected tokens, restarting servers and slow identity services, seen from both ends: the connects that
//! succeed, and the requests that the identity endpoint gets.
use std::time::Duration;

use crate::support::{builder, chain};
use futures_util::FutureExt;
use postgres_entra::{
    Connector, Error, RejectionReason, Settings, Stage,
    emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform, ServerFault},
};

const APP_SERVICE: Login = Login::SystemAssigned(Platform::AppService);

fn connector(azure: &LocalAzure, login: Login) -> Connector {
    builder(azure, login).build().unwrap()
}

async fn connect(connector: &Connector) {
    connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
}

#[tokio::test]
async fn a_rejected_token_from_the_cache_is_fetched_anew_once_and_the_connect_succeeds() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure, APP_SERVICE);
    connect(&connector).await;
    azure.server().reject_tokens_issued_before_now();
    connect(&connector).await;
    connect(&connector).await;
    let stats = connector.token_cache().unwrap().stats();
    assert_eq!((stats.fetches, stats.forced), (2, 1));
    assert_eq!(azure.identity_service().request_count(), 2);
    assert_eq!(azure.server().logins_rejected(), 1);
}

#[tokio::test]
async fn a_rejected_token_that_was_just_fetched_is_not_fetched_again() {
    let azure = LocalAzure::start().await.unwrap();
    let other_role = azure.server().role(Login::ServicePrincipal).to_owned();
    let vars = azure.vars(APP_SERVICE, ClientType::Python);
    let settings = Settings::from_vars(vars).unwrap().with_user(other_role);
    let connector = builder(&azure, APP_SERVICE).settings(settings).build().unwrap();
    let error = connector.connect().await.unwrap_err();
    assert!(error.is_rejected(), "{}", chain(&error));
    assert_eq!(azure.identity_service().request_count(), 1);
    assert_eq!(azure.server().logins_rejected(), 1);
}

#[tokio::test]
async fn many_rejections_at_once_force_one_fetch_and_no_other_within_the_limit() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure, APP_SERVICE);
    connect(&connector).await;

    azure.server().reject_tokens_issued_before_now();
    for result in fifty_connects(&connector).await {
        result.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
    assert_eq!(azure.identity_service().request_count(), 2);

    azure.server().reject_tokens_issued_before_now();
    for result in fifty_connects(&connector).await {
        match result {
            Err(Error::Rejected(rejection)) => {
                assert_eq!(rejection.reason(), RejectionReason::TokenExpired);
            }
            other => panic!("not a rejection: {other:?}"),
        }
    }
    assert_eq!(azure.identity_service().request_count(), 2);
    assert_eq!(connector.token_cache().unwrap().stats().forced, 1);
}

async fn fifty_connects(connector: &Connector) -> Vec<Result<(), Error>> {
    let connects = (0..50).map(|_| {
        let connector = connector.clone();
        tokio::spawn(async move { connector.connect().await.map(drop) })
    });
    let connects: Vec<_> = connects.collect();
    let mut results = Vec::new();
    for connect in connects {
        results.push(connect.await.unwrap());
    }
    results
}

#[tokio::test]
async fn a_rejection_is_reported_where_no_newer_token_can_be_had() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure, APP_SERVICE);
    connect(&connector).await;
    azure.identity_service().set_fault(Some(IdentityFault::Status(400)));
    azure.server().reject_tokens_issued_before_now();
    let error = connector.connect().await.unwrap_err();
    let Error::Rejected(rejection) = &error else { panic!("{}", chain(&error)) };
    assert_eq!(rejection.reason(), RejectionReason::TokenExpired);
}

#[tokio::test]
async fn a_rejection_is_reported_where_the_deadline_passes_while_a_newer_token_is_awaited() {
    let azure = LocalAzure::start().await.unwrap();
    let first = connector(&azure, APP_SERVICE);
    connect(&first).await;
    azure.identity_service().set_fault(Some(IdentityFault::Silent));
    azure.server().reject_tokens_issued_before_now();
    let hasty = hasty(&first, Duration::from_secs(1));
    let error = hasty.connect().await.unwrap_err();
    let Error::Timeout { stage: Stage::Token, last: Some(last), .. } = &error else {
        panic!("{}", chain(&error))
    };
    assert!(last.is_rejected(), "{}", chain(&error));
}

/// A connector with the same cache, and with less patience.
fn hasty(connector: &Connector, deadline: Duration) -> Connector {
    Connector::builder()
        .settings(connector.settings().clone())
        .token_cache(connector.token_cache().unwrap().clone())
        .deadline(deadline)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_server_that_is_starting_up_is_awaited() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure, APP_SERVICE);
    azure.server().set_fault(Some(ServerFault::StartingUp { times: 3 }));
    connect(&connector).await;
    assert_eq!(azure.server().passwords_received(), 1);
    assert_eq!(azure.identity_service().request_count(), 1);
}

#[tokio::test]
async fn connects_during_a_restart_succeed() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = connector(&azure, APP_SERVICE);
    connect(&connector).await;
    let mut connects = 1;
    let restart = azure.server().restart();
    tokio::pin!(restart);
    while restart.as_mut().now_or_never().map(Result::unwrap).is_none() {
        connect(&connector).await;
        connects += 1;
    }
    // More logins than connects: some met a server that was going or coming.
    let logins = azure.server().passwords_received();
    assert!(logins > connects, "{logins} logins, {connects} connects");
    assert_eq!(azure.identity_service().request_count(), 1);
}

#[tokio::test]
async fn a_connect_that_gives_up_on_a_slow_identity_service_leaves_its_fetch_to_the_next() {
    let azure = LocalAzure::start().await.unwrap();
    let patient = connector(&azure, APP_SERVICE);
    let hasty = hasty(&patient, Duration::from_millis(400));
    azure.identity_service().set_fault(Some(IdentityFault::Delay(Duration::from_secs(2))));
    let error = hasty.connect().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { stage: Stage::Token, .. }), "{}", chain(&error));
    assert!(
        patient.token_cache().unwrap().stats().token_age.is_none(),
        "it gave up before the token"
    );
    connect(&patient).await;
    assert_eq!(patient.token_cache().unwrap().stats().fetches, 1);
    assert_eq!(azure.identity_service().request_count(), 1);
}
