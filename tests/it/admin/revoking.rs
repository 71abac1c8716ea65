//! What is left of a role, and of what it had, after it was revoked.

use postgres_entra::admin::{self, AdminError, Change, Grant, Level, Object};
use tokio_postgres::Client;

use super::support::*;

/// A role with all rights in a new schema, and the administrator in its database.
async fn owner_of(schema: &str, role: &str) -> Client {
    new_role(role).await;
    let mut client = new_schema(schema).await;
    let grant = Grant::new(role, "orders", Level::Owner).schema(schema);
    admin::grant(&mut client, &grant).await.unwrap();
    client
}

#[tokio::test]
async fn the_connected_role_is_not_revoked() {
    let mut client = administrator("orders").await;
    let own = azure().server().role(postgres_entra::emulator::Login::Administrator);
    client.batch_execute("CREATE TABLE public.of_the_administrator ()").await.unwrap();
    let error = admin::revoke(&mut client, own).await.unwrap_err();
    assert!(matches!(error, AdminError::OwnRole { .. }), "{error}");
    assert!(error.to_string().contains("another administrator"), "{error}");
    client.batch_execute("DROP TABLE public.of_the_administrator").await.unwrap();

    // Nor the one that it acts as.
    new_role("acted_as").await;
    client.batch_execute("GRANT acted_as TO CURRENT_USER; SET ROLE acted_as").await.unwrap();
    for role in [own, "acted_as"] {
        let error = admin::revoke(&mut client, role).await.unwrap_err();
        assert!(matches!(error, AdminError::OwnRole { .. }), "{error}");
    }
}

/// They would lend everyone the rights of the administrator.
#[tokio::test]
async fn what_ran_with_the_rights_of_the_role_does_not_run_with_those_of_the_administrator() {
    let mut client = owner_of("lending", "lender").await;
    let sql = "CREATE FUNCTION lending.who(a int, OUT b name) SECURITY DEFINER \
                   LANGUAGE sql AS 'SELECT current_user'; \
               CREATE PROCEDURE lending.\"Do it\"(VARIADIC a text[]) SECURITY DEFINER \
                   LANGUAGE sql AS 'SELECT 1'; \
               CREATE FUNCTION lending.plain() RETURNS name LANGUAGE sql AS 'SELECT current_user'; \
               GRANT USAGE ON SCHEMA lending TO PUBLIC";
    application("lender").await.batch_execute(sql).await.unwrap();
    client.batch_execute("GRANT USAGE ON SCHEMA lending TO PUBLIC").await.unwrap();
    assert_eq!(admin::revoke(&mut client, "lender").await.unwrap(), Change::Revoked);

    let row = client
        .query_one(
            "SELECT count(*), bool_or(prosecdef), bool_and(proowner = \"current_user\"()::regrole) \
             FROM pg_proc WHERE pronamespace = 'lending'::regnamespace",
            &[],
        )
        .await;
    let row = row.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get(1), row.get(2)), (3, Some(false), Some(true)));
    new_role("borrower").await;
    let borrower = application("borrower").await;
    let row = borrower.query_one("SELECT lending.who(1)::text", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "borrower");
}

/// The server only warns where it can't take something away.
#[tokio::test]
async fn what_would_be_left_is_an_error_and_nothing_is_revoked() {
    let mut client = owner_of("half", "half_way").await;
    let sql = "CREATE TABLE half.lent (x int); ALTER TABLE half.lent OWNER TO pgappuser; \
               GRANT SELECT ON half.lent TO half_way; GRANT UPDATE (x) ON half.lent TO half_way; \
               CREATE TYPE half.kind AS ENUM (); ALTER TYPE half.kind OWNER TO pgappuser; \
               GRANT USAGE ON TYPE half.kind TO half_way";
    azure().server().execute(sql).await.unwrap();
    let before = admin::privileges(&mut client, "half_way").await.unwrap();
    let error = admin::revoke(&mut client, "half_way").await.unwrap_err();
    assert!(error.to_string().contains("has to revoke"), "{error}");
    let AdminError::NotRevoked { role, left, .. } = error else { panic!("{error}") };
    assert_eq!(role, "half_way");
    let expected = ["column x of table half.lent", "table half.lent", "type half.kind"];
    assert_eq!(left, expected.map(|object| format!("privileges for {object}")));
    assert_eq!(admin::privileges(&mut client, "half_way").await.unwrap(), before);

    let sql = "REVOKE ALL ON half.lent FROM half_way; \
               REVOKE ALL (x) ON half.lent FROM half_way; REVOKE ALL ON TYPE half.kind FROM half_way";
    azure().server().execute(sql).await.unwrap();
    assert_eq!(admin::revoke(&mut client, "half_way").await.unwrap(), Change::Revoked);
}

#[tokio::test]
async fn whoever_may_not_act_for_the_role_is_told_who_may() {
    let mut client = owner_of("guarded", "guarded").await;
    new_role("intruder").await;
    let mut intruder = application("intruder").await;
    let error = admin::revoke(&mut intruder, "guarded").await.unwrap_err();
    assert!(error.to_string().contains("or an administrator of the role"), "{error}");
    assert!(matches!(error, AdminError::NotOwner { .. }), "{error}");
    assert!(!admin::privileges(&mut client, "guarded").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_has_no_privileges_on_tables_is_revoked_too() {
    new_role("typist").await;
    let mut client = administrator("orders").await;
    let sql = "CREATE TYPE public.shape AS ENUM (); REVOKE USAGE ON TYPE public.shape FROM PUBLIC; \
               GRANT USAGE ON TYPE public.shape TO typist";
    client.batch_execute(sql).await.unwrap();
    assert_eq!(admin::revoke(&mut client, "typist").await.unwrap(), Change::Revoked);
    assert_eq!(admin::revoke(&mut client, "typist").await.unwrap(), Change::Unchanged);
    let mut client = administrator("postgres").await;
    assert_eq!(admin::drop_principal(&mut client, "typist").await.unwrap(), Change::Dropped);
}

#[tokio::test]
async fn rights_on_other_databases_stay_as_they_were() {
    let mut client = owner_of("one_of_two", "in_two").await;
    let other = administrator("postgres").await;
    other.batch_execute("CREATE DATABASE \"the other\"").await.unwrap();
    let sql = "GRANT CONNECT ON DATABASE \"the other\" TO in_two WITH GRANT OPTION; \
               GRANT TEMPORARY ON DATABASE \"the other\" TO in_two";
    other.batch_execute(sql).await.unwrap();
    new_role("friend_of_two").await;
    new_role("friend_of_friend").await;
    let sql = "GRANT CONNECT ON DATABASE \"the other\" TO friend_of_two WITH GRANT OPTION";
    application("in_two").await.batch_execute(sql).await.unwrap();
    let sql = "GRANT CONNECT ON DATABASE \"the other\" TO friend_of_friend";
    application("friend_of_two").await.batch_execute(sql).await.unwrap();
    let rights = || async {
        let sql = "SELECT grantee::regrole::text, privilege_type, is_grantable \
                   FROM pg_database, aclexplode(datacl) WHERE datname = 'the other' \
                   AND grantee::regrole::text IN ('in_two', 'friend_of_two', 'friend_of_friend') ORDER BY 1, 2";
        let rows = other.query(sql, &[]).await.unwrap();
        let right = |row: &tokio_postgres::Row| {
            format!("{} {} {}", row.get::<_, &str>(0), row.get::<_, &str>(1), row.get::<_, bool>(2))
        };
        rows.iter().map(right).collect::<Vec<_>>()
    };
    let before = rights().await;
    assert_eq!(before.len(), 4, "{before:?}");

    assert_eq!(admin::revoke(&mut client, "in_two").await.unwrap(), Change::Revoked);
    assert_eq!(rights().await, before);
    let privileges = admin::privileges(&mut client, "in_two").await.unwrap();
    assert!(!privileges.iter().any(|it| it.object == Object::Database("orders".into())));
}

/// Since version 16 a membership need not give the rights of the role, and there may be several.
#[tokio::test]
async fn a_membership_without_the_rights_of_the_role_is_enough_and_stays_as_it_was() {
    let mut client = owner_of("disinherited", "disinherited").await;
    let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await;
    if version.unwrap().get::<_, i32>(0) < 160_000 {
        return;
    }
    let memberships = "SELECT m::text FROM pg_auth_members m \
                       WHERE roleid = 'disinherited'::regrole ORDER BY 1";
    let memberships = async |client: &Client| {
        let rows = client.query(memberships, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let options = "GRANT disinherited TO CURRENT_USER WITH INHERIT FALSE, SET FALSE";
    for sql in ["", options] {
        client.batch_execute(sql).await.unwrap();
        application("disinherited")
            .await
            .batch_execute("CREATE TABLE IF NOT EXISTS disinherited.own ()")
            .await
            .unwrap();
        let before = memberships(&client).await;
        assert_eq!(admin::revoke(&mut client, "disinherited").await.unwrap(), Change::Revoked);
        assert_eq!(memberships(&client).await, before);
        let grant = Grant::new("disinherited", "orders", Level::Owner).schema("disinherited");
        admin::grant(&mut client, &grant).await.unwrap();
    }
}

#[tokio::test]
async fn roles_that_stand_for_everyone_are_refused() {
    let mut client = administrator("orders").await;
    for role in ["public", "none"] {
        let errors = [
            admin::revoke(&mut client, role).await.unwrap_err(),
            admin::drop_principal(&mut client, role).await.unwrap_err(),
            admin::privileges(&mut client, role).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, AdminError::InvalidName { .. }), "{error}");
        }
    }
}
