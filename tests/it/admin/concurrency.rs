//! Several jobs at once, and jobs that are given up.

use std::time::Duration;

use postgres_entra::{
    admin::{self, Change, Grant, Level, Principal, PrincipalType, RevokeOutcome},
    emulator::Login,
};
use tokio_postgres::Client;

use super::support::*;

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

/// Long for what takes milliseconds, and shorter than the statements' own limit for locks.
const LIMIT: Duration = Duration::from_secs(20);

/// Waits until a session of this database waits for another one.
async fn somebody_waits(watcher: &Client, database: &str) {
    this_many_wait(watcher, database, 1).await;
}

async fn this_many_wait(watcher: &Client, database: &str, number: i64) {
    // What a session of another role waits for is shown among the locks alone.
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = $1 AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted)";
    let waits = async {
        while watcher.query_one(sql, &[&database]).await.unwrap().get::<_, i64>(0) < number {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, waits).await.expect("a session that waits");
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
    let revoking = tokio::spawn(async move { admin::revoke(&mut client, &grant).await });
    somebody_waits(&administrator("postgres").await, "busy_too").await;
    other.batch_execute("COMMIT").await.unwrap();
    let outcome = revoking.await.unwrap().unwrap();
    assert!(matches!(outcome, RevokeOutcome::Revoked(_)), "{outcome}");
}

/// The grant has changed the database and waits for the table; the other one, the reverse.
#[tokio::test]
async fn a_grant_that_the_server_chose_to_end_a_deadlock_is_run_again() {
    new_role("patient").await;
    new_role("entangled").await;
    let client = own_database("knot").await;
    let sql = "CREATE SCHEMA s; CREATE TABLE s.t (); GRANT USAGE ON SCHEMA s TO patient; \
               GRANT CONNECT ON DATABASE knot TO patient WITH GRANT OPTION; \
               GRANT SELECT ON s.t TO patient WITH GRANT OPTION";
    client.batch_execute(sql).await.unwrap();
    // Then it is the grant that finds the deadlock, and that is ended.
    for sql in [
        "ALTER DATABASE knot SET deadlock_timeout = '10ms'",
        "ALTER ROLE patient SET deadlock_timeout = '1h'",
    ] {
        azure().server().execute(sql).await.unwrap();
    }
    let other = connect(azure(), Login::ServicePrincipal, "patient", "knot").await.unwrap();
    other.batch_execute("BEGIN; GRANT SELECT ON s.t TO pgappuser").await.unwrap();
    // Holds the grant up between the two.
    let undecided = administrator("knot").await;
    undecided.batch_execute("BEGIN; GRANT USAGE ON SCHEMA s TO pgappuser").await.unwrap();
    let mut client = administrator("knot").await;
    let granting = tokio::spawn(async move {
        admin::grant(&mut client, &Grant::new("entangled", "knot", Level::Read).schema("s")).await
    });
    let watcher = administrator("postgres").await;
    somebody_waits(&watcher, "knot").await;
    let finishing = tokio::spawn(async move {
        other.batch_execute("GRANT CONNECT ON DATABASE knot TO pgappuser; COMMIT").await
    });
    this_many_wait(&watcher, "knot", 2).await;
    undecided.batch_execute("ROLLBACK").await.unwrap();
    finishing.await.unwrap().unwrap();
    granting.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_the_role_creates_during_a_revoke_stays() {
    new_role("in_a_hurry").await;
    let mut client = own_database("hurry").await;
    client.batch_execute("CREATE SCHEMA s").await.unwrap();
    let grant = Grant::new("in_a_hurry", "hurry", Level::Owner).schema("s");
    admin::grant(&mut client, &grant).await.unwrap();
    let hurrying = connect(azure(), Login::ServicePrincipal, "in_a_hurry", "hurry").await.unwrap();
    hurrying.batch_execute("CREATE TABLE s.early AS SELECT 1 AS x").await.unwrap();
    // Holds the revoke up at the database.
    let other = administrator("hurry").await;
    other.batch_execute("BEGIN; GRANT CONNECT ON DATABASE hurry TO pgappuser").await.unwrap();
    let revoking = tokio::spawn(async move { admin::revoke(&mut client, &grant).await });
    let watcher = administrator("hurry").await;
    somebody_waits(&watcher, "hurry").await;
    let sql = "CREATE TABLE s.late AS SELECT generate_series(1, 1000) AS x; CREATE SEQUENCE s.q; \
               CREATE VIEW s.v AS SELECT x FROM s.late; \
               CREATE FUNCTION s.f() RETURNS int SECURITY DEFINER LANGUAGE sql RETURN 1";
    hurrying.batch_execute(sql).await.unwrap();
    other.batch_execute("ROLLBACK").await.unwrap();
    let outcome = revoking.await.unwrap().unwrap();
    assert!(matches!(outcome, RevokeOutcome::Revoked(_)), "{outcome}");
    let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = 's'::regnamespace \
                   AND relowner = 'in_a_hurry'::regrole UNION ALL \
               SELECT proname FROM pg_proc WHERE pronamespace = 's'::regnamespace \
                   AND proowner = 'in_a_hurry'::regrole AND prosecdef ORDER BY 1";
    let rows = watcher.query(sql, &[]).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["early", "f", "late", "q", "v"]);
    watcher.batch_execute("GRANT USAGE ON SCHEMA s TO in_a_hurry").await.unwrap();
    let row = hurrying.query_one("SELECT count(*) FROM s.late", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1000);
}

#[tokio::test]
async fn a_role_is_revoked_in_two_databases_at_once() {
    new_role("in_both").await;
    let (mut one, mut two) =
        (own_database("first_of_two").await, own_database("other_of_two").await);
    let first = Grant::new("in_both", "first_of_two", Level::Owner);
    let other = Grant::new("in_both", "other_of_two", Level::Owner);
    for _ in 0..5 {
        let (left, right) =
            tokio::join!(admin::grant(&mut one, &first), admin::grant(&mut two, &other));
        left.unwrap();
        right.unwrap();
        let (left, right) =
            tokio::join!(admin::revoke(&mut one, &first), admin::revoke(&mut two, &other));
        for outcome in [left.unwrap(), right.unwrap()] {
            assert!(matches!(outcome, RevokeOutcome::Revoked(_)), "{outcome}");
        }
    }
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
