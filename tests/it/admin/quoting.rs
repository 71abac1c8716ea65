//! Names that need care.

use postgres_entra::admin::{
    self, AdminError, Change, Grant, Level, NameProblem, Principal, PrincipalType,
};
use proptest::prelude::*;

use super::support::*;

const ODD: [&str; 6] = [
    "o'brien \"x\" #EXT#@tenant é",
    "Sales Team; DROP ROLE postgres --",
    r"back\slash'",
    "select",
    "日本語の役割",
    "$tag$ %s {}",
];

#[tokio::test]
async fn roles_and_schemas_may_have_any_name() {
    for (number, name) in ODD.iter().enumerate() {
        new_role(name).await;
        let mut client = administrator("orders").await;
        let schema = format!("{number} {name}");
        let quoted = schema.replace('"', "\"\"");
        client.batch_execute(&format!("CREATE SCHEMA \"{quoted}\"")).await.unwrap();
        let table = format!("CREATE TABLE \"{quoted}\".\"{quoted}\" ()");
        client.batch_execute(&table).await.unwrap();
        let grant = Grant::new(*name, "orders", Level::Write).schema(&schema);
        admin::grant(&mut client, &grant).await.unwrap();

        let client = application(name).await;
        let row = client.query_one("SELECT current_user::text", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), *name);
        assert!(may(&client, &format!("DELETE FROM \"{quoted}\".\"{quoted}\"")).await);
        let mut database = administrator("orders").await;
        admin::revoke(&mut database, &grant).await.unwrap();
        let mut client = administrator("postgres").await;
        assert_eq!(admin::drop_principal(&mut client, name).await.unwrap(), Change::Dropped);
    }
}

#[tokio::test]
async fn a_name_of_64_bytes_is_refused_and_one_of_63_is_not() {
    let mut client = administrator("postgres").await;
    let principal =
        |name: String| Principal::by_object_id(name, object_id(), PrincipalType::Service);
    let change = admin::ensure_principal(&mut client, &principal("x".repeat(63))).await.unwrap();
    assert_eq!(change, Change::Created);
    match admin::ensure_principal(&mut client, &principal("x".repeat(64))).await.unwrap_err() {
        AdminError::InvalidName { problem, .. } => assert_eq!(problem, NameProblem::TooLong),
        error => panic!("{error}"),
    }
}

/// What the server makes of the names in the statements of a plan.
async fn read_back(names: Vec<(String, String)>) {
    let client = administrator("postgres").await;
    for (name, object) in names {
        // The role stands last in a grant, as an identifier.
        let plan = Grant::new(&name, "d", Level::Read).plan().unwrap();
        let quoted =
            plan.statements()[0].strip_prefix("GRANT CONNECT ON DATABASE \"d\" TO ").unwrap();
        let statement = client.prepare(&format!("SELECT 1 AS {quoted}")).await.unwrap();
        assert_eq!(statement.columns()[0].name(), name);

        // A principal's name stands first in the call, as a literal.
        let plan = Principal::by_name(&object).plan().unwrap();
        let call = "SELECT * FROM pg_catalog.pgaadauth_create_principal(";
        let rest = plan.statements()[0].strip_prefix(call).unwrap();
        let literal = rest.strip_suffix(", false, false)").unwrap();
        let row = client.query_one(&format!("SELECT {literal}::text"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), object);
    }
}

/// Up to 15 characters that no name may lack the right to, so never more than 63 bytes.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![r#"['"\\ ;$é日-]{1,15}"#, "[^\\x00]{1,15}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_server_reads_every_quoted_name_as_it_was(
        names in prop::collection::vec((name(), name()), 20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read_back(names));
    }
}
