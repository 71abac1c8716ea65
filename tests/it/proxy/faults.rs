//! Bad days of Azure, and of the server, with programs at work.

use std::time::Duration;

use postgres_entra::emulator::{IdentityFault, ServerFault};
use tokio_postgres::error::SqlState;

use super::*;
use crate::support::eventually;

#[tokio::test]
async fn an_outage_of_the_identity_service_is_not_felt_while_a_token_is_valid() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    let client = connect(&scene.socket()).await.unwrap();
    azure.identity_service().set_fault(Some(IdentityFault::Outage));
    client.batch_execute("SELECT 1").await.unwrap();
    connect(&scene.socket()).await.unwrap();
}

/// Sessions that are open have nothing to do with the token that opened them.
#[tokio::test]
async fn a_session_outlives_its_token_and_the_next_has_another() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    let client = connect(&scene.socket()).await.unwrap();
    azure.server().reject_tokens_issued_before_now();
    client.batch_execute("SELECT 1").await.unwrap();
    connect(&scene.socket()).await.unwrap();
    assert_eq!(azure.identity_service().tokens_issued(), 2);
}

#[tokio::test]
async fn programs_come_back_as_soon_as_a_restarted_server_does() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    let client = connect(&scene.socket()).await.unwrap();
    let mut programs = Vec::new();
    for number in 0..8 {
        let config = if number % 2 == 0 { scene.socket() } else { scene.port() };
        programs.push(tokio::spawn(async move {
            let mut lost = 0;
            for _ in 0..20 {
                // The proxy waits for the server: no login fails.
                let client = connect(&config).await.unwrap();
                lost += usize::from(client.batch_execute("SELECT pg_sleep(0.02)").await.is_err());
            }
            lost
        }));
    }
    azure.server().restart().await.unwrap();
    for program in programs {
        assert!(program.await.unwrap() <= 2, "one restart ends one session");
    }
    let error = client.batch_execute("SELECT 1").await.unwrap_err();
    let is_told = error.code() == Some(&SqlState::ADMIN_SHUTDOWN);
    assert!(is_told || error.is_closed(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_busy_is_waited_for_and_its_words_are_the_last_ones() {
    let azure = LocalAzure::start().await.unwrap();
    azure.server().set_fault(Some(ServerFault::StartingUp { times: 2 }));
    let brief = builder(&azure, Login::ServicePrincipal).deadline(Duration::from_secs(5));
    let scene = scene_with(&brief.build().unwrap(), |builder| builder).await;
    connect(&scene.socket()).await.unwrap();

    azure.server().set_fault(Some(ServerFault::StartingUp { times: u32::MAX }));
    let error = connect(&scene.socket()).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::CANNOT_CONNECT_NOW), "{error:?}");
}

#[tokio::test]
async fn a_program_that_gives_up_frees_its_place() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    azure.server().set_fault(Some(ServerFault::Silent));
    let config = scene.socket();
    let waits = tokio::spawn(async move { connect(&config).await.map(drop) });
    eventually("it waits", async || azure.server().connections() == 1).await;
    assert_eq!(scene.proxy.stats().open, 1);
    waits.abort();
    eventually("its place is free", async || scene.proxy.stats().open == 0).await;
}

#[tokio::test]
async fn a_server_without_tls_is_sent_nothing() {
    let azure = LocalAzure::start().await.unwrap();
    azure.server().set_fault(Some(ServerFault::NoTls));
    let scene = scene(&azure).await;
    let error = connect(&scene.socket()).await.unwrap_err();
    let message = error.as_db_error().unwrap().message().to_owned();
    assert!(message.contains("does not offer TLS"), "{message}");
    assert_eq!(azure.server().passwords_received(), 0);
}
