//! Several jobs at once, and jobs that are given up.

use postgres_entra::admin::{self, Change, Grant, Level, Principal, PrincipalType};
use tokio_postgres::Client;

use crate::support::*;

#[tokio::test]
async fn jobs_that_run_at_once_create_a_role_once() {
    let principal = Principal::by_object_id("at_once", object_id(), PrincipalType::Service);
    let (mut one, mut two) = (administrator("postgres").await, administrator("postgres").await);
    // Whatever the sessions' default is: the second must see what the first has done.
    for client in [&one, &two] {
        let sql = "SET default_transaction_isolation = 'serializable'";
        client.batch_execute(sql).await.unwrap();
    }
    let (one, two) = tokio::join!(
        admin::ensure_principal(&mut one, &principal),
        admin::ensure_principal(&mut two, &principal)
    );
    let changes = [one.unwrap(), two.unwrap()];
    assert!(changes.contains(&Change::Created) && changes.contains(&Change::Unchanged));
}

#[tokio::test]
async fn grants_of_two_jobs_at_once_both_succeed() {
    new_role("left").await;
    new_role("right").await;
    let (mut one, mut two) = (new_schema("shared").await, administrator("orders").await);
    let left = Grant::new("left", "orders", Level::Owner).schema("shared");
    let right = Grant::new("right", "orders", Level::Owner).schema("shared");
    for _ in 0..5 {
        let (left, right) =
            tokio::join!(admin::grant(&mut one, &left), admin::grant(&mut two, &right));
        left.unwrap();
        right.unwrap();
    }
}

/// Waits until a session of this database waits for another one.
async fn somebody_waits(watcher: &Client, database: &str) {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = $1 AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()";
    while watcher.query_one(sql, &[&database]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
}

/// A new database of the administrators, in which nothing else happens.
async fn own_database(name: &str) -> Client {
    let sql = format!("CREATE DATABASE {name}");
    administrator("postgres").await.batch_execute(&sql).await.unwrap();
    administrator(name).await
}

#[tokio::test]
async fn a_change_that_another_session_was_making_is_waited_for_and_the_grant_run_again() {
    new_role("overtaken").await;
    let mut client = own_database("busy").await;
    let other = administrator("busy").await;
    other.batch_execute("BEGIN; GRANT CONNECT ON DATABASE busy TO pgappuser").await.unwrap();
    let granting = tokio::spawn(async move {
        admin::grant(&mut client, &Grant::new("overtaken", "busy", Level::Read)).await
    });
    somebody_waits(&administrator("postgres").await, "busy").await;
    other.batch_execute("COMMIT").await.unwrap();
    granting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_revoke_is_run_again_as_well() {
    new_role("overtaken_again").await;
    let mut client = own_database("busy_too").await;
    let grant = Grant::new("overtaken_again", "busy_too", Level::Read);
    admin::grant(&mut client, &grant).await.unwrap();
    let other = administrator("busy_too").await;
    other.batch_execute("BEGIN; GRANT CONNECT ON DATABASE busy_too TO pgappuser").await.unwrap();
    let revoking = tokio::spawn(async move { admin::revoke(&mut client, "overtaken_again").await });
    somebody_waits(&administrator("postgres").await, "busy_too").await;
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(revoking.await.unwrap().unwrap(), Change::Revoked);
}

#[tokio::test]
async fn a_change_whose_future_is_dropped_leaves_nothing() {
    new_role("given_up").await;
    let mut client = own_database("left_alone").await;
    client.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t ()").await.unwrap();
    let other = administrator("left_alone").await;
    // The grant is dropped while it waits for this table, after it has changed the database.
    other.batch_execute("BEGIN; GRANT SELECT ON s.t TO pgappuser").await.unwrap();
    let watcher = administrator("postgres").await;
    let grant = Grant::new("given_up", "left_alone", Level::Owner).schema("s");
    tokio::select! {
        outcome = admin::grant(&mut client, &grant) => panic!("{outcome:?}"),
        () = somebody_waits(&watcher, "left_alone") => {}
    }
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(admin::privileges(&mut client, "given_up").await.unwrap(), []);
    client.batch_execute("CREATE TABLE s.usable ()").await.unwrap();
}
