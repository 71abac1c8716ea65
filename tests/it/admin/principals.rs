//! Creating, listing and dropping principals.

use postgres_entra::{
    admin::{self, AdminError, Change, Grant, Level, Principal, PrincipalType},
    emulator::{Login, TENANT_ID},
};

use super::support::*;

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let mut client = administrator("postgres").await;
    let principal = Principal::by_object_id("twice", object_id(), PrincipalType::Service);
    let first = admin::ensure_principal(&mut client, &principal).await.unwrap();
    let second = admin::ensure_principal(&mut client, &principal).await.unwrap();
    assert_eq!((first, second), (Change::Created, Change::Unchanged));
    let error = admin::create_principal(&mut client, &principal).await.unwrap_err();
    assert!(matches!(error, AdminError::RoleExists { .. }), "{error}");
    application("twice").await;
}

#[tokio::test]
async fn a_role_is_never_given_to_another_object_id() {
    new_role("taken").await;
    let mut client = administrator("postgres").await;
    let principal = Principal::by_object_id("taken", OTHER_OBJECT_ID, PrincipalType::Service);
    match admin::ensure_principal(&mut client, &principal).await.unwrap_err() {
        AdminError::Conflict { role, existing, wanted, .. } => {
            assert_eq!((&*role, &*existing, &*wanted), ("taken", object_id(), OTHER_OBJECT_ID));
        }
        error => panic!("{error}"),
    }
    application("taken").await;
}

#[tokio::test]
async fn a_role_that_was_created_otherwise_is_reported() {
    new_role("plain").await;
    let mut client = administrator("postgres").await;
    let principal = |kind| Principal::by_object_id("plain", object_id(), kind);
    let cases = [
        (principal(PrincipalType::Service).admin(true), "administrator flag"),
        (principal(PrincipalType::Service).mfa(true), "multi-factor flag"),
        (principal(PrincipalType::User), "type"),
    ];
    for (principal, expected) in cases {
        match admin::ensure_principal(&mut client, &principal).await.unwrap_err() {
            AdminError::Differs { property, .. } => assert_eq!(property, expected),
            error => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn an_ordinary_role_is_neither_taken_over_nor_dropped() {
    azure().server().execute("CREATE ROLE ordinary LOGIN").await.unwrap();
    let mut client = administrator("postgres").await;
    let principal = Principal::by_object_id("ordinary", object_id(), PrincipalType::Service);
    let error = admin::ensure_principal(&mut client, &principal).await.unwrap_err();
    assert!(matches!(error, AdminError::NotAPrincipal { .. }), "{error}");
    let error = admin::drop_principal(&mut client, "ordinary").await.unwrap_err();
    assert!(matches!(error, AdminError::NotAPrincipal { .. }), "{error}");
}

#[tokio::test]
async fn principals_are_found_by_the_names_that_the_tenant_knows() {
    let group = "Database Readers (EU)";
    azure().add_principal(group, OTHER_OBJECT_ID, PrincipalType::Group).await.unwrap();
    let mut client = administrator("postgres").await;
    for name in ["orders-identity", group] {
        let principal = Principal::by_name(name).mfa(true);
        let change = admin::ensure_principal(&mut client, &principal).await.unwrap();
        assert_eq!(change, Change::Created);
    }
    let listed = admin::list_principals(&mut client).await.unwrap();
    let found = listed.iter().find(|principal| principal.role == group).unwrap();
    assert_eq!(found.object_id, OTHER_OBJECT_ID);
    assert_eq!(found.principal_type, Some(PrincipalType::Group));
    assert_eq!(found.tenant_id, TENANT_ID);
    assert!(found.requires_mfa && !found.is_admin);
}

#[tokio::test]
async fn a_name_that_the_tenant_does_not_know_is_reported_in_the_words_of_azure() {
    let mut client = administrator("postgres").await;
    let principal = Principal::by_name("Orders-Identity");
    match admin::ensure_principal(&mut client, &principal).await.unwrap_err() {
        AdminError::NotInTenant { name, cause, .. } => {
            assert_eq!(name, "Orders-Identity");
            assert_eq!(
                cause.as_db_error().unwrap().message(),
                "Could not validate AAD user Orders-Identity because its name is not found in the tenant."
            );
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_administrator_that_was_created_can_create_others() {
    let mut client = administrator("postgres").await;
    let principal = Principal::by_object_id("second_admin", object_id(), PrincipalType::Service);
    admin::create_principal(&mut client, &principal.admin(true)).await.unwrap();
    let listed = admin::list_principals(&mut client).await.unwrap();
    let admins: Vec<_> = listed.iter().filter(|listed| listed.is_admin).collect();
    assert!(admins.iter().any(|listed| listed.role == "second_admin"), "{admins:?}");

    let mut second =
        connect(azure(), Login::ServicePrincipal, "second_admin", "postgres").await.unwrap();
    let third = Principal::by_object_id("third", object_id(), PrincipalType::Service);
    admin::create_principal(&mut second, &third).await.unwrap();
    assert_eq!(admin::drop_principal(&mut second, "third").await.unwrap(), Change::Dropped);
}

#[tokio::test]
async fn a_dropped_principal_can_log_in_no_more() {
    new_role("leaver").await;
    let mut client = administrator("postgres").await;
    assert_eq!(admin::drop_principal(&mut client, "leaver").await.unwrap(), Change::Dropped);
    assert_eq!(admin::drop_principal(&mut client, "leaver").await.unwrap(), Change::Unchanged);
    let error = connect(azure(), Login::ServicePrincipal, "leaver", "orders").await.unwrap_err();
    assert!(error.is_rejected(), "{error}");
}

#[tokio::test]
async fn a_role_is_dropped_after_its_grants_are_revoked() {
    new_role("leaves_in_order").await;
    let mut database = administrator("orders").await;
    let mut client = administrator("postgres").await;
    for level in [Level::Read, Level::Write, Level::Owner] {
        let grant = Grant::new("leaves_in_order", "orders", level);
        admin::grant(&mut database, &grant).await.unwrap();
        let error = admin::drop_principal(&mut client, "leaves_in_order").await.unwrap_err();
        assert!(matches!(error, AdminError::StillInUse { .. }), "{error}");
        admin::revoke(&mut database, &grant).await.unwrap();
        assert_eq!(admin::privileges(&mut database, "leaves_in_order").await.unwrap(), []);
    }
    let dropped = admin::drop_principal(&mut client, "leaves_in_order").await.unwrap();
    assert_eq!(dropped, Change::Dropped);
}

#[tokio::test]
async fn whom_a_role_belongs_to_is_a_security_label() {
    new_role("labelled").await;
    let client = administrator("postgres").await;
    let sql =
        "SELECT label FROM pg_seclabels WHERE provider = 'pgaadauth' AND objname = 'labelled'";
    let label: String = client.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(label, format!("aadauth,oid={},type=service", object_id()));
}
