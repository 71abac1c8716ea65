//! What a revoke takes away, and what it leaves.

use postgres_entra::{
    admin::{self, AdminError, Grant, Level, Object, Privilege, RevokeOutcome},
    emulator::Login,
};
use tokio_postgres::Client;

use super::support::*;

/// A role with a level in a new schema, and the administrator in its database.
async fn holder_of(level: Level, schema: &str, role: &str) -> (Client, Grant) {
    new_role(role).await;
    let mut client = new_schema(schema).await;
    let grant = Grant::new(role, "orders", level).schema(schema);
    admin::grant(&mut client, &grant).await.unwrap();
    (client, grant)
}

async fn owner_of(schema: &str, role: &str) -> (Client, Grant) {
    holder_of(Level::Owner, schema, role).await
}

fn is_revoked(outcome: &RevokeOutcome) -> bool {
    matches!(outcome, RevokeOutcome::Revoked(_))
}

async fn privileges(client: &mut Client, role: &str) -> Vec<Privilege> {
    admin::privileges(client, role).await.unwrap()
}

/// Whatever else the role has, which no grant of a level in the schema gives.
async fn give_other_things(client: &Client, level: Level, schema: &str, role: &str) {
    let beside = format!("{schema}_beside");
    let mut sql = format!(
        "CREATE SCHEMA {beside}; CREATE TABLE {beside}.t (); GRANT USAGE ON SCHEMA {beside} TO {role}; \
         GRANT ALL ON {beside}.t TO {role}; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA {beside} GRANT ALL ON TABLES TO {role}; \
         CREATE ROLE maker_of_{schema}; GRANT maker_of_{schema} TO CURRENT_USER; \
         ALTER DEFAULT PRIVILEGES FOR ROLE maker_of_{schema} GRANT SELECT ON SEQUENCES TO {role}; \
         CREATE TYPE {schema}.kind AS ENUM (); GRANT USAGE ON TYPE {schema}.kind TO {role}; \
         CREATE FUNCTION {schema}.f() RETURNS int LANGUAGE sql RETURN 1; \
         GRANT EXECUTE ON FUNCTION {schema}.f() TO {role};"
    );
    if level < Level::Owner {
        sql += &format!(
            "GRANT TRUNCATE ON {schema}.orders TO {role}; GRANT CREATE ON SCHEMA {schema} TO {role}; \
             GRANT UPDATE ON SEQUENCE {schema}.orders_id_seq TO {role}; \
             CREATE TABLE {schema}.columns (x int); GRANT REFERENCES (x) ON {schema}.columns TO {role}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT TRIGGER ON TABLES TO {role};"
        );
    }
    client.batch_execute(&sql).await.unwrap();
    if level < Level::Owner {
        let temporary = format!("GRANT TEMPORARY ON DATABASE orders TO {role}");
        execute_in_turn(client, &temporary).await;
    }
}

/// Everything that the server knows of the role's privileges, on whatever kind of object.
async fn dependencies(client: &Client, role: &str) -> Vec<String> {
    let sql = "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend \
               WHERE refobjid = $1::text::regrole AND classid <> 'pg_database'::regclass ORDER BY 1";
    let rows = client.query(sql, &[&role]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn each_level_is_taken_back_and_nothing_else() {
    for level in [Level::Read, Level::Write, Level::Owner] {
        let (role, schema) = (format!("had_{level}"), format!("of_{level}"));
        new_role(&role).await;
        let mut client = new_schema(&schema).await;
        give_other_things(&client, level, &schema, &role).await;
        let before = (privileges(&mut client, &role).await, dependencies(&client, &role).await);

        let grant = Grant::new(&role, "orders", level).schema(&schema);
        let granted = admin::grant(&mut client, &grant).await.unwrap().to_string();
        assert_ne!(privileges(&mut client, &role).await, before.0);
        let outcome = admin::revoke(&mut client, &grant).await.unwrap();
        assert_eq!(privileges(&mut client, &role).await, before.0, "{level}");
        assert_eq!(dependencies(&client, &role).await, before.1, "{level}");
        let RevokeOutcome::Revoked(revoked) = &outcome else { panic!("{outcome}") };
        let table = Object::Table { schema: schema.clone(), name: "orders".into() };
        assert!(revoked.iter().any(|it| it.object == table), "{outcome}");
        // With nothing else on the same objects, they are the same.
        if level == Level::Owner {
            assert_eq!(outcome.to_string(), granted.replacen("granted", "revoked", 1));
        }
        let again = admin::revoke(&mut client, &grant).await.unwrap();
        assert_eq!((again.to_string(), again), ("unchanged".into(), RevokeOutcome::Unchanged));
    }
}

#[tokio::test]
async fn a_lower_level_leaves_what_a_higher_one_gave_beyond_it() {
    let (mut client, grant) = owner_of("stairs", "descending").await;
    let read = Grant::new("descending", "orders", Level::Read).schema("stairs");
    assert!(is_revoked(&admin::revoke(&mut client, &read).await.unwrap()));
    let left = privileges(&mut client, "descending").await;
    let table = Object::Table { schema: "stairs".into(), name: "orders".into() };
    let left = left.iter().find(|it| it.object == table).unwrap();
    assert!(!left.names.contains(&"SELECT".into()) && left.names.contains(&"INSERT".into()));
    assert!(is_revoked(&admin::revoke(&mut client, &grant).await.unwrap()));
    assert_eq!(privileges(&mut client, "descending").await, []);
}

#[tokio::test]
async fn what_is_created_later_is_the_roles_no_more() {
    for level in [Level::Read, Level::Write, Level::Owner] {
        let (role, schema) = (format!("later_{level}"), format!("later_of_{level}"));
        let (mut client, grant) = holder_of(level, &schema, &role).await;
        admin::revoke(&mut client, &grant).await.unwrap();
        client.batch_execute(&format!("CREATE TABLE {schema}.new (id serial)")).await.unwrap();
        client.batch_execute(&format!("GRANT USAGE ON SCHEMA {schema} TO {role}")).await.unwrap();
        let application = application(&role).await;
        for sql in ["SELECT * FROM s.new", "SELECT last_value FROM s.new_id_seq"] {
            assert!(!may(&application, &sql.replace("s.", &format!("{schema}."))).await, "{sql}");
        }
    }
}

#[tokio::test]
async fn of_those_who_create_tables_the_ones_that_the_grant_names_are_meant() {
    for role in ["named", "unnamed", "for_some"] {
        new_role(role).await;
    }
    let mut client = new_schema("several").await;
    client.batch_execute("GRANT named, unnamed TO CURRENT_USER").await.unwrap();
    let grant = |creator: Option<&str>| {
        let grant = Grant::new("for_some", "orders", Level::Read).schema("several");
        creator.into_iter().fold(grant, Grant::for_tables_of)
    };
    for creator in [None, Some("named"), Some("unnamed")] {
        admin::grant(&mut client, &grant(creator)).await.unwrap();
    }
    let own = azure().server().role(Login::Administrator);
    for (creator, left) in
        [(Some("named"), vec![own, "unnamed"]), (None, vec!["unnamed"]), (Some("unnamed"), vec![])]
    {
        assert!(is_revoked(&admin::revoke(&mut client, &grant(creator)).await.unwrap()));
        let privileges = privileges(&mut client, "for_some").await;
        let creators = privileges.iter().filter_map(|it| match &it.object {
            Object::FutureTables { creator, .. } => Some(&**creator),
            _ => None,
        });
        assert_eq!(creators.collect::<Vec<_>>(), left);
    }
}

#[tokio::test]
async fn what_the_role_owns_stays_its_own_and_as_it_was() {
    let (mut client, grant) = owner_of("kept", "keeper").await;
    let sql = "CREATE TABLE kept.t AS SELECT 7 AS x; CREATE SEQUENCE kept.q; \
               CREATE VIEW kept.v AS SELECT x FROM kept.t; CREATE TYPE kept.k AS ENUM (); \
               CREATE FUNCTION kept.f() RETURNS int SECURITY DEFINER LANGUAGE sql RETURN 1; \
               CREATE SCHEMA keepers_own; SELECT lo_create(0)";
    application("keeper").await.batch_execute(sql).await.unwrap();
    let state = async |client: &Client| {
        let sql = "SELECT concat(deptype, pg_describe_object(classid, objid, objsubid), \
                   (SELECT concat(prosecdef, proacl) FROM pg_proc WHERE oid = objid), \
                   (SELECT relacl FROM pg_class WHERE oid = objid)) \
                   FROM pg_shdepend WHERE refobjid = 'keeper'::regrole AND deptype = 'o' ORDER BY 1";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let before = state(&client).await;
    assert_eq!(before.len(), 7, "{before:?}");
    assert!(is_revoked(&admin::revoke(&mut client, &grant).await.unwrap()));
    assert_eq!(state(&client).await, before);
    client.batch_execute("GRANT USAGE ON SCHEMA kept TO keeper").await.unwrap();
    let row = application("keeper").await.query_one("SELECT x FROM kept.t", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);
}

/// The server doesn't even warn where somebody else has granted the same.
#[tokio::test]
async fn what_would_be_left_is_an_error_that_says_who_granted_it_and_nothing_is_revoked() {
    let (mut client, grant) = owner_of("half", "half_way").await;
    new_role("patron").await;
    let sql = "GRANT USAGE ON SCHEMA half TO patron WITH GRANT OPTION; \
               GRANT SELECT ON half.orders TO patron WITH GRANT OPTION; \
               GRANT USAGE ON SEQUENCE half.orders_id_seq TO patron WITH GRANT OPTION";
    client.batch_execute(sql).await.unwrap();
    let sql = "GRANT USAGE ON SCHEMA half TO half_way; GRANT SELECT ON half.orders TO half_way; \
               GRANT USAGE ON SEQUENCE half.orders_id_seq TO half_way";
    application("patron").await.batch_execute(sql).await.unwrap();
    let before = privileges(&mut client, "half_way").await;
    let error = admin::revoke(&mut client, &grant).await.unwrap_err();
    assert!(error.to_string().contains("has to revoke it"), "{error}");
    let AdminError::NotRevoked { role, mut left, .. } = error else { panic!("{error}") };
    left.sort();
    assert_eq!(role, "half_way");
    let expected = [
        "SELECT on table half.orders, granted by patron",
        "USAGE on schema half, granted by patron",
        "USAGE on sequence half.orders_id_seq, granted by patron",
    ];
    assert_eq!(left, expected);
    assert_eq!(privileges(&mut client, "half_way").await, before);
}

#[tokio::test]
async fn what_the_role_has_passed_on_is_not_taken_from_others() {
    new_role("third").await;
    for (number, object) in ["DATABASE orders", "SCHEMA {s}", "TABLE {s}.orders"].iter().enumerate()
    {
        let (role, schema) = (format!("generous_{number}"), format!("gift_{number}"));
        let (mut client, grant) = owner_of(&schema, &role).await;
        let object = object.replace("{s}", &schema);
        let right = match number {
            0 => "CONNECT",
            1 => "USAGE",
            _ => "SELECT",
        };
        let sql = format!("GRANT {right} ON {object} TO {role} WITH GRANT OPTION");
        client.batch_execute(&sql).await.unwrap();
        let sql = format!("GRANT {right} ON {object} TO third");
        application(&role).await.batch_execute(&sql).await.unwrap();
        let before = privileges(&mut client, "third").await;
        let error = admin::revoke(&mut client, &grant).await.unwrap_err();
        assert!(matches!(error, AdminError::PassedOn { .. }), "{error:?}");
        assert_eq!(privileges(&mut client, "third").await, before);
        assert!(!privileges(&mut client, &role).await.is_empty());
    }
}

#[tokio::test]
async fn whoever_may_not_revoke_is_told_who_may() {
    let (mut client, grant) = owner_of("guarded", "guarded").await;
    let before = privileges(&mut client, "guarded").await;
    new_role("intruder").await;
    let mut intruder = application("intruder").await;
    // Nor the role itself: a grant is without grant option.
    let mut itself = application("guarded").await;
    for client in [&mut intruder, &mut itself] {
        let error = admin::revoke(client, &grant).await.unwrap_err();
        assert!(
            matches!(error, AdminError::NotOwner { .. } | AdminError::NotRevoked { .. }),
            "{error:?}"
        );
    }
    assert_eq!(privileges(&mut client, "guarded").await, before);
}

#[tokio::test]
async fn a_role_that_is_gone_or_never_was_has_nothing_to_lose() {
    let mut client = administrator("orders").await;
    let grant = Grant::new("never_was", "orders", Level::Owner);
    assert_eq!(admin::revoke(&mut client, &grant).await.unwrap(), RevokeOutcome::Unchanged);
    let elsewhere = Grant::new("never_was", "postgres", Level::Owner);
    let error = admin::revoke(&mut client, &elsewhere).await.unwrap_err();
    assert!(matches!(error, AdminError::WrongDatabase { .. }), "{error}");
}

#[tokio::test]
async fn roles_that_stand_for_everyone_are_refused() {
    let mut client = administrator("orders").await;
    for role in ["public", "none"] {
        let errors = [
            admin::revoke(&mut client, &Grant::new(role, "orders", Level::Read)).await.unwrap_err(),
            admin::drop_principal(&mut client, role).await.unwrap_err(),
            admin::privileges(&mut client, role).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, AdminError::InvalidName { .. }), "{error}");
        }
    }
}
