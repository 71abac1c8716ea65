//! Where blocking code may connect.

use postgres_entra::{
    blocking::{Connector, diesel},
    emulator::{ClientType, Login, Platform},
};

use crate::support::{shared_azure, threads::OnThreads};

fn connector() -> Connector {
    let login = Login::SystemAssigned(Platform::AppService);
    let vars = shared_azure().vars(login, ClientType::Python);
    postgres_entra::Connector::from_vars(vars).unwrap().into()
}

/// Connects with both drivers, asks something, and drops everything, on this thread.
fn connect_query_and_drop() {
    let connector = connector();
    let mut client = connector.connect().unwrap();
    client.batch_execute("SELECT 1").unwrap();
    let mut connection = diesel::connect(&connector).unwrap();
    ::diesel::connection::SimpleConnection::batch_execute(&mut connection, "SELECT 1").unwrap();
    assert_eq!(connector.token_cache().unwrap().stats().fetches, 1);
}

#[test]
fn a_plain_thread_connects() {
    connect_query_and_drop();
}

#[tokio::test]
async fn a_blocking_thread_of_a_runtime_connects() {
    shared_azure();
    tokio::task::spawn_blocking(connect_query_and_drop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_task_that_may_block_in_place_connects() {
    shared_azure();
    tokio::spawn(async { tokio::task::block_in_place(connect_query_and_drop) }).await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn an_async_task_connects_without_a_panic_though_it_holds_up_the_only_thread() {
    shared_azure();
    let connector = connector();
    let mut client = OnThreads::new(connector.connect().unwrap());
    client.with(|client| client.batch_execute("SELECT 1").unwrap()).await;
    drop(diesel::connect(&connector).unwrap());
    connector.warm_up().unwrap();
    assert!(connector.libpq_variables().unwrap().iter().any(|(name, _)| name == "PGPASSWORD"));
    drop(connector);
}

#[tokio::test]
async fn a_token_is_shared_with_async_code() {
    let login = Login::SystemAssigned(Platform::AppService);
    let vars = shared_azure().vars(login, ClientType::Python);
    let connector = postgres_entra::Connector::from_vars(vars).unwrap();
    connector.connect().await.unwrap();
    let blocking = Connector::new(&connector);
    let client = OnThreads::new(blocking.connect().unwrap());
    drop((blocking, client));
    connector.connect().await.unwrap();
    assert_eq!(connector.token_cache().unwrap().stats().fetches, 1);
}
