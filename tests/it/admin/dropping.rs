//! What keeps a role from being dropped, and what does not.

use std::time::Duration;

use postgres_entra::{
    admin::{self, AdminError, Change, Plan, Remains},
    emulator::Login,
};
use tokio_postgres::Client;

use super::support::*;

/// Runs the statements as an administrator would: each plan in its database.
async fn run_by_hand(plans: &[Plan]) {
    for plan in plans {
        let client = administrator(plan.database()).await;
        client.batch_execute(&plan.to_string()).await.unwrap();
    }
}

/// The refusal, and what it says.
async fn refused(client: &mut Client, role: &str) -> (Vec<Remains>, Vec<Plan>, String) {
    let error = admin::drop_principal(client, role).await.unwrap_err();
    let text = error.to_string();
    match error {
        AdminError::StillInUse { remains, removal, .. } => (remains, removal, text),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_named_by_database_with_the_statements_in_order() {
    new_role("landlord").await;
    let mut client = administrator("postgres").await;
    client.batch_execute("CREATE DATABASE far_away").await.unwrap();
    let own = "CREATE SCHEMA landlords; GRANT ALL ON SCHEMA landlords TO landlord; \
               CREATE TABLE landlords.held (); GRANT SELECT ON landlords.held TO landlord";
    for database in ["orders", "far_away"] {
        administrator(database).await.batch_execute(own).await.unwrap();
    }
    let session = application("landlord").await;
    let sql = "CREATE TABLE landlords.rent AS SELECT 7 AS x; CREATE TABLE landlords.more (); \
               CREATE FUNCTION landlords.f() RETURNS int LANGUAGE sql RETURN 1; \
               ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; SELECT lo_create(0)";
    session.batch_execute(sql).await.unwrap();

    let (remains, removal, text) = refused(&mut client, "landlord").await;
    let databases: Vec<_> = remains.iter().map(|it| it.database.as_deref()).collect();
    assert_eq!(databases, [Some("far_away"), Some("orders")]);
    let orders = remains[1].what.join("; ");
    for expected in [
        "owner of a table, sequence or view (2 times)",
        "owner of a function or procedure",
        "owner of a large object",
        "owner of default privileges",
        "privileges for a schema",
        "privileges for a table, sequence or view",
    ] {
        assert!(orders.contains(expected), "{expected}: {orders}");
    }
    let statements: Vec<_> =
        removal.iter().map(|plan| (plan.database(), plan.statements().join("; "))).collect();
    assert_eq!(statements[0], ("postgres", r#"ALTER ROLE "landlord" NOLOGIN"#.to_owned()));
    assert!(statements[1].1.contains("pg_terminate_backend"), "{statements:?}");
    for (place, database) in [(2, "far_away"), (3, "orders")] {
        assert_eq!(statements[place].0, database);
        let expected = "REASSIGN OWNED BY \"landlord\" TO CURRENT_USER; DROP OWNED BY \"landlord\"";
        assert!(statements[place].1.ends_with(expected), "{statements:?}");
    }
    assert!(
        text.contains(&statements[0].1) && text.contains(r#"in the database "orders""#),
        "{text}"
    );
    // Nothing has happened to the role yet.
    session.batch_execute("SELECT x FROM landlords.rent").await.unwrap();

    run_by_hand(&removal).await;
    assert_eq!(admin::drop_principal(&mut client, "landlord").await.unwrap(), Change::Dropped);
    let row = administrator("orders").await.query_one("SELECT x FROM landlords.rent", &[]).await;
    assert_eq!(row.unwrap().get::<_, i32>(0), 7);
}

/// Each alone, and each gone after the statements.
#[tokio::test]
async fn whatever_the_role_has_is_found_and_the_statements_remove_it() {
    let mut client = administrator("postgres").await;
    client.batch_execute("CREATE DATABASE tenancy").await.unwrap();
    let cases = [
        (
            None,
            "GRANT {r} TO CURRENT_USER; ALTER DATABASE tenancy OWNER TO {r}",
            "owner of database tenancy",
        ),
        (None, "GRANT CONNECT ON DATABASE orders TO {r}", "privileges for database orders"),
        (
            Some("tenancy"),
            "GRANT {r} TO CURRENT_USER; CREATE SCHEMA of_{r} AUTHORIZATION {r}",
            "owner of a schema",
        ),
        (
            Some("tenancy"),
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {r}",
            "privileges for default privileges",
        ),
        (Some("tenancy"), "CREATE TABLE t (); CREATE POLICY p ON t TO {r}", "target of a policy"),
    ];
    for (number, (database, sql, expected)) in cases.into_iter().enumerate() {
        let role = format!("tenant_{number}");
        new_role(&role).await;
        let owner = administrator("tenancy").await;
        execute_in_turn(&owner, &sql.replace("{r}", &role)).await;
        let (remains, removal, _) = refused(&mut client, &role).await;
        assert_eq!(remains.len(), 1, "{remains:?}");
        assert_eq!(remains[0].database.as_deref(), database);
        assert_eq!(remains[0].what, [expected]);
        run_by_hand(&removal).await;
        assert_eq!(admin::drop_principal(&mut client, &role).await.unwrap(), Change::Dropped);
    }
}

#[tokio::test]
async fn what_everyone_may_make_for_a_session_does_not_keep_a_role() {
    let temporary = [
        "CREATE TEMPORARY TABLE t (x int)",
        "CREATE TEMPORARY SEQUENCE q; CREATE TEMPORARY VIEW v AS SELECT 1 AS x",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE TYPE pg_temp.kind AS ENUM ()",
    ];
    for (number, sql) in temporary.iter().enumerate() {
        let role = format!("lodger_{number}");
        new_role(&role).await;
        // In two databases.
        let sessions = [
            application(&role).await,
            connect(azure(), Login::ServicePrincipal, &role, "postgres").await.unwrap(),
        ];
        for session in &sessions {
            session.batch_execute(sql).await.unwrap();
        }
        let mut client = administrator("postgres").await;
        let change = admin::drop_principal(&mut client, &role).await;
        assert_eq!(change.unwrap(), Change::Dropped, "{sql}");
        for session in &sessions {
            session.batch_execute("SELECT 1").await.unwrap_err();
        }
    }
}

#[tokio::test]
async fn a_role_that_makes_temporary_tables_all_the_time_is_dropped() {
    new_role("restless").await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let session = application("restless").await;
        session.batch_execute("CREATE TEMPORARY TABLE t0 ()").await.unwrap();
        sessions.push(tokio::spawn(async move {
            let mut number = 0;
            while session
                .batch_execute(&format!("CREATE TEMPORARY TABLE u{number} ()"))
                .await
                .is_ok()
            {
                number += 1;
            }
        }));
    }
    let mut client = administrator("postgres").await;
    assert_eq!(admin::drop_principal(&mut client, "restless").await.unwrap(), Change::Dropped);
    for session in sessions {
        tokio::time::timeout(Duration::from_secs(20), session).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn sessions_go_on_where_more_than_they_is_in_the_way() {
    new_role("guest").await;
    let sql = "GRANT CONNECT ON DATABASE orders TO guest";
    let mut client = administrator("postgres").await;
    execute_in_turn(&client, sql).await;
    let session = application("guest").await;
    session.batch_execute("CREATE TEMPORARY TABLE t ()").await.unwrap();
    refused(&mut client, "guest").await;
    session.batch_execute("SELECT * FROM t").await.unwrap();
}

/// A table that was given to a role with no other right looks like a temporary one from elsewhere.
#[tokio::test]
async fn a_role_that_could_not_be_dropped_after_all_may_log_in_again() {
    new_role("heir").await;
    let sql = "CREATE TABLE public.inheritance (); ALTER TABLE public.inheritance OWNER TO heir";
    azure().server().execute(sql).await.unwrap();
    let session = application("heir").await;
    let mut client = administrator("postgres").await;
    let (remains, removal, _) = refused(&mut client, "heir").await;
    assert_eq!(remains[0].what, ["owner of a table, sequence or view"]);
    drop(session);
    application("heir").await;
    run_by_hand(&removal).await;
    assert_eq!(admin::drop_principal(&mut client, "heir").await.unwrap(), Change::Dropped);
}

#[tokio::test]
async fn a_role_that_was_shut_out_stays_so_if_it_can_not_be_dropped() {
    new_role("banished").await;
    let sql =
        "CREATE TABLE public.left_behind (); ALTER TABLE public.left_behind OWNER TO banished";
    azure().server().execute(sql).await.unwrap();
    let session = application("banished").await;
    let mut client = administrator("postgres").await;
    client.batch_execute("ALTER ROLE banished NOLOGIN").await.unwrap();
    let (_, removal, _) = refused(&mut client, "banished").await;
    let may_log_in = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'banished'";
    assert!(!client.query_one(may_log_in, &[]).await.unwrap().get::<_, bool>(0));
    drop(session);
    run_by_hand(&removal).await;
    assert_eq!(admin::drop_principal(&mut client, "banished").await.unwrap(), Change::Dropped);
}
