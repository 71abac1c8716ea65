//! Locks that somebody else holds for too long.

use postgres_entra::admin::{self, AdminError, Grant, Level, Principal, PrincipalType};
use tokio_postgres::Client;

use super::support::*;

/// An administrator that doesn't wait for long, in this database.
async fn impatient(database: &str) -> Client {
    let client = administrator(database).await;
    client.batch_execute("SET lock_timeout = '100ms'").await.unwrap();
    client
}

async fn process(client: &Client) -> String {
    let row = client.query_one("SELECT pg_backend_pid()::text", &[]).await.unwrap();
    format!("(process {})", row.get::<_, &str>(0))
}

fn holders<T: std::fmt::Debug>(outcome: Result<T, AdminError>) -> (Vec<String>, String) {
    let error = outcome.unwrap_err();
    let text = error.to_string();
    match error {
        AdminError::Locked { holders, .. } => (holders, text),
        error => panic!("{error:?}"),
    }
}

/// Any role that can log in can hold the lock by which administrations take turns.
#[tokio::test]
async fn whoever_keeps_all_others_from_their_turn_is_named() {
    new_role("squatter").await;
    let turn =
        "SELECT pg_advisory_lock(x'706f7374656e7472'::bigint); SET application_name = 'squat'";
    let squatter = application("squatter").await;
    squatter.batch_execute(turn).await.unwrap();
    let mut client = impatient("orders").await;
    let grant = Grant::new("squatter", "orders", Level::Read);
    let in_postgres = connect_squatter("postgres").await;
    in_postgres.batch_execute(turn).await.unwrap();
    let mut admin_client = impatient("postgres").await;
    let principal = Principal::by_object_id("kept_out", object_id(), PrincipalType::Service);
    let outcomes = [
        (&squatter, holders(admin::grant(&mut client, &grant).await)),
        (&squatter, holders(admin::revoke(&mut client, &grant).await)),
        (&in_postgres, holders(admin::ensure_principal(&mut admin_client, &principal).await)),
        (&in_postgres, holders(admin::create_principal(&mut admin_client, &principal).await)),
        (&in_postgres, holders(admin::drop_principal(&mut admin_client, "squatter").await)),
    ];
    for (holder, (named, text)) in outcomes {
        let expected =
            format!("the role squatter {} in the application 'squat'", process(holder).await);
        assert_eq!(named, std::slice::from_ref(&expected));
        assert!(text.contains(&expected) && text.contains("has to commit"), "{text}");
    }
}

async fn connect_squatter(database: &str) -> Client {
    let login = postgres_entra::emulator::Login::ServicePrincipal;
    connect(azure(), login, "squatter", database).await.unwrap()
}

/// Who of those that have changed something holds it can't be seen afterwards, so all are named.
#[tokio::test]
async fn whoever_has_changed_the_same_rights_and_not_committed_is_among_those_named() {
    new_role("stuck").await;
    let sql = "CREATE DATABASE held_up";
    administrator("postgres").await.batch_execute(sql).await.unwrap();
    let holder = administrator("held_up").await;
    holder.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (id serial)").await.unwrap();
    let mut client = impatient("held_up").await;
    let grant = Grant::new("stuck", "held_up", Level::Read).schema("s");
    for object in ["DATABASE held_up", "SCHEMA s", "TABLE s.t", "SEQUENCE s.t_id_seq"] {
        let sql = format!("BEGIN; GRANT ALL ON {object} TO pgappuser");
        holder.batch_execute(&sql).await.unwrap();
        let (named, _) = holders(admin::grant(&mut client, &grant).await);
        let process = process(&holder).await;
        assert!(named.iter().any(|it| it.contains(&process)), "{object}: {named:?}");
        holder.batch_execute("ROLLBACK").await.unwrap();
    }
    // The session is as good as before.
    admin::grant(&mut client, &grant).await.unwrap();
}
