//! Whoever waits for a connection of a pool hears what the identity service answered, though it is asked again.

use std::{net::Ipv4Addr, time::Duration};

use crate::support::{
    chain,
    http::{Server, answer},
    pool_story::TestPool,
};
use postgres_entra::{
    Connector, Identity, Settings,
    pool::sqlx::{EntraPgPool, pool_options},
    settings::Host,
    source::AppService,
};

use super::{bb8::Bb8, deadpool::Deadpool, diesel_async::DieselPool};

/// An identity service in trouble, and a connector that gives up before it is asked for the third time.
async fn in_trouble() -> (Server, Connector) {
    let trouble = answer(503, "the service is being updated");
    let server = Server::start(vec![trouble; 100]).await;
    let host = Host::new("contoso.postgres.database.azure.com", 1);
    let host = host.with_address(Ipv4Addr::LOCALHOST.into());
    let settings = Settings::for_hosts(vec![host], Identity::SystemAssigned).with_user("aad_app");
    let source = AppService::new(&server.url(), "header").unwrap();
    let builder = Connector::builder().settings(settings).token_source(source);
    (server, builder.deadline(Duration::from_secs(2)).build().unwrap())
}

fn assert_heard(said: &str) {
    assert!(said.contains("the service is being updated (HTTP 503)"), "{said}");
}

async fn hears_of_attempts<P: TestPool>() {
    let (_server, connector) = in_trouble().await;
    let pool = P::open(&connector, 1, Duration::from_secs(5)).await;
    assert_heard(&pool.checkout().await.err().expect("no connection"));
    pool.close().await;
}

#[tokio::test]
async fn of_deadpool() {
    hears_of_attempts::<Deadpool>().await;
}

#[tokio::test]
async fn of_bb8() {
    hears_of_attempts::<Bb8>().await;
}

#[tokio::test]
async fn of_diesel_async() {
    hears_of_attempts::<DieselPool>().await;
}

/// It waits for the first token when it is opened.
#[tokio::test]
async fn of_sqlx() {
    let (_server, connector) = in_trouble().await;
    let error = EntraPgPool::open(&connector, pool_options()).await.unwrap_err();
    assert_heard(&chain(&error));
}
