//! Who is told what when something can't be administered.

use std::error::Error;

use postgres_entra::{
    admin::{self, AdminError, Grant, Level, Principal, PrincipalType},
    emulator::Login,
};

use super::support::*;

#[tokio::test]
async fn principals_are_managed_in_the_database_postgres_alone() {
    let mut client = administrator("orders").await;
    let principal = Principal::by_object_id("nobody", object_id(), PrincipalType::Service);
    for error in [
        admin::ensure_principal(&mut client, &principal).await.unwrap_err(),
        admin::create_principal(&mut client, &principal).await.unwrap_err(),
        admin::drop_principal(&mut client, "nobody").await.unwrap_err(),
        admin::list_principals(&mut client).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains(r#"connect to the database "postgres""#), "{error}");
        let AdminError::FunctionsMissing { database, cause, .. } = error else { panic!("{error}") };
        assert_eq!(database, "orders");
        let hint = cause.as_db_error().unwrap().hint().unwrap();
        assert!(hint.starts_with("No function matches"), "{hint}");
    }
}

#[tokio::test]
async fn whoever_is_no_administrator_is_told_so() {
    new_role("upstart").await;
    let mut client =
        connect(azure(), Login::ServicePrincipal, "upstart", "postgres").await.unwrap();
    let principal = Principal::by_object_id("nobody", object_id(), PrincipalType::Service);
    for error in [
        admin::ensure_principal(&mut client, &principal).await.unwrap_err(),
        admin::create_principal(&mut client, &principal.clone().admin(true)).await.unwrap_err(),
        admin::drop_principal(&mut client, "upstart").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("log in as a Microsoft Entra administrator"), "{error}");
        assert!(error.source().is_some());
        let AdminError::NotAdministrator { user, .. } = error else { panic!("{error}") };
        assert_eq!(user, "upstart");
    }
}

/// Rights in PostgreSQL alone don't make an administrator.
#[tokio::test]
async fn a_member_of_the_administrators_group_without_the_label_is_refused() {
    let sql = "CREATE ROLE impostor LOGIN CREATEROLE IN ROLE azure_pg_admin";
    let server = azure().server();
    server.execute(sql).await.unwrap();
    server.map_role("impostor", object_id(), PrincipalType::Service).unwrap();
    let mut client =
        connect(azure(), Login::ServicePrincipal, "impostor", "postgres").await.unwrap();
    let error = admin::list_principals(&mut client).await.unwrap_err();
    assert!(matches!(error, AdminError::NotAdministrator { .. }), "{error}");
}

#[tokio::test]
async fn a_grant_for_another_database_is_refused() {
    let mut client = administrator("postgres").await;
    let grant = Grant::new("anyone", "orders", Level::Read);
    match admin::grant(&mut client, &grant).await.unwrap_err() {
        AdminError::WrongDatabase { connected, wanted, .. } => {
            assert_eq!((&*connected, &*wanted), ("postgres", "orders"));
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_grant_to_a_role_that_does_not_exist_is_refused() {
    let mut client = administrator("orders").await;
    let error = admin::grant(&mut client, &Grant::new("absent", "orders", Level::Read)).await;
    assert!(matches!(error, Err(AdminError::RoleMissing { .. })));
    let error = admin::privileges(&mut client, "absent").await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no role "absent"; create the principal first"#);
}

#[tokio::test]
async fn a_schema_that_does_not_exist_is_named_by_the_server() {
    new_role("lost").await;
    let mut client = administrator("orders").await;
    let grant = Grant::new("lost", "orders", Level::Read).schema("absent");
    let error = admin::grant(&mut client, &grant).await.unwrap_err();
    assert!(error.to_string().contains(r#"ON SCHEMA "absent""#), "{error}");
    assert!(error.source().unwrap().to_string().contains("db error"));
    assert_eq!(admin::privileges(&mut client, "lost").await.unwrap(), []);
}

#[tokio::test]
async fn a_table_of_someone_else_is_refused_and_nothing_is_granted() {
    new_role("hopeful").await;
    let mut client = new_schema("mixed").await;
    let sql =
        "CREATE TABLE mixed.foreign_owned (); ALTER TABLE mixed.foreign_owned OWNER TO pgappuser";
    azure().server().execute(sql).await.unwrap();
    let grant = Grant::new("hopeful", "orders", Level::Write).schema("mixed");
    let error = admin::grant(&mut client, &grant).await.unwrap_err();
    assert!(matches!(error, AdminError::NotOwner { .. }), "{error}");
    assert_eq!(admin::privileges(&mut client, "hopeful").await.unwrap(), []);
}

/// The server only warns where the administrator has a privilege and may not pass it on.
#[tokio::test]
async fn a_grant_that_the_server_cut_short_is_an_error_that_names_what_is_missing() {
    new_role("shortened").await;
    let mut client = new_schema("partly").await;
    let sql = "CREATE TABLE partly.lent (); ALTER TABLE partly.lent OWNER TO pgappuser; \
               GRANT SELECT ON partly.lent TO azure_pg_admin";
    azure().server().execute(sql).await.unwrap();
    let grant = Grant::new("shortened", "orders", Level::Read).schema("partly");
    match admin::grant(&mut client, &grant).await.unwrap_err() {
        AdminError::NotGranted { role, missing, .. } => {
            assert_eq!(role, "shortened");
            assert_eq!(missing, ["SELECT on table partly.lent"]);
        }
        error => panic!("{error}"),
    }
    assert_eq!(admin::privileges(&mut client, "shortened").await.unwrap(), []);
}
