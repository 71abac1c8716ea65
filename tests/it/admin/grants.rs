//! What each level allows, and what not.

use postgres_entra::admin::{self, Grant, GrantOutcome, Level, Object};

use super::support::*;

/// What is tried in a schema `s`, and the level from which on it is allowed.
const TRIALS: [(&str, Level); 12] = [
    ("SELECT * FROM s.orders", Level::Read),
    ("SELECT last_value FROM s.orders_id_seq", Level::Read),
    ("INSERT INTO s.orders (item) VALUES ('x')", Level::Write),
    ("SELECT nextval('s.orders_id_seq')", Level::Write),
    ("UPDATE s.orders SET item = 'y'", Level::Write),
    ("DELETE FROM s.orders", Level::Write),
    ("SELECT setval('s.orders_id_seq', 9)", Level::Owner),
    ("TRUNCATE s.orders", Level::Owner),
    ("CREATE TABLE s.mine (order_id int); DROP TABLE s.mine", Level::Owner),
    ("CREATE SCHEMA s_mine; DROP SCHEMA s_mine", Level::Owner),
    ("SELECT * FROM s.later", Level::Read),
    ("INSERT INTO s.later (item) VALUES ('x')", Level::Write),
];

/// Grants the level to a new role in a new schema, where a table is created afterwards, and tries all.
async fn check_level(level: Level) {
    let (role, schema) = (format!("may_{level}"), format!("schema_{level}"));
    new_role(&role).await;
    let mut owner = new_schema(&schema).await;
    let grant = Grant::new(&role, "orders", level).schema(&schema);
    admin::grant(&mut owner, &grant).await.unwrap();
    let later = format!("CREATE TABLE {schema}.later (id serial, item text)");
    owner.batch_execute(&later).await.unwrap();

    let client = application(&role).await;
    for (trial, needed) in TRIALS {
        let sql =
            trial.replace("s.", &format!("{schema}.")).replace("s_mine", &format!("{role}_mine"));
        assert_eq!(may(&client, &sql).await, level >= needed, "{level}: {sql}");
    }
    let alter = format!("ALTER TABLE {schema}.orders ADD COLUMN x int");
    assert!(!may(&client, &alter).await);
}

#[tokio::test]
async fn read_allows_to_look_and_nothing_else() {
    check_level(Level::Read).await;
}

#[tokio::test]
async fn write_allows_to_change_rows_and_no_tables() {
    check_level(Level::Write).await;
}

#[tokio::test]
async fn owner_allows_to_create_and_leaves_the_tables_of_others_theirs() {
    check_level(Level::Owner).await;
}

#[tokio::test]
async fn a_second_grant_changes_nothing_and_a_higher_one_reports_the_difference() {
    new_role("climber").await;
    let mut owner = new_schema("climbed").await;
    let grant = |level| Grant::new("climber", "orders", level).schema("climbed");
    let first = admin::grant(&mut owner, &grant(Level::Read)).await.unwrap();
    let GrantOutcome::Granted(granted) = &first else { panic!("{first}") };
    let texts: Vec<_> = granted.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "CONNECT on database orders",
            "USAGE on schema climbed",
            "SELECT on table climbed.orders",
            "SELECT on sequence climbed.orders_id_seq",
            "SELECT on tables that orders-deployment will create in schema climbed",
            "SELECT on sequences that orders-deployment will create in schema climbed",
        ]
    );
    let second = admin::grant(&mut owner, &grant(Level::Read)).await.unwrap();
    assert_eq!(second, GrantOutcome::Unchanged);

    let higher = admin::grant(&mut owner, &grant(Level::Write)).await.unwrap();
    assert!(higher.to_string().contains("DELETE, INSERT, SELECT, UPDATE on table climbed.orders"));
    let lower = admin::grant(&mut owner, &grant(Level::Read)).await.unwrap();
    assert_eq!(lower, GrantOutcome::Unchanged);
}

#[tokio::test]
async fn privileges_show_what_a_role_has_and_what_it_owns() {
    new_role("curious").await;
    let mut owner = new_schema("curiosities").await;
    assert_eq!(admin::privileges(&mut owner, "curious").await.unwrap(), []);
    let grant = Grant::new("curious", "orders", Level::Owner).schema("curiosities");
    admin::grant(&mut owner, &grant).await.unwrap();
    let mut client = application("curious").await;
    client.batch_execute("CREATE TABLE curiosities.own ()").await.unwrap();

    // The role asks for itself: that needs no special rights.
    let privileges = admin::privileges(&mut client, "curious").await.unwrap();
    let names = |object: &Object| {
        let found = privileges.iter().find(|privilege| privilege.object == *object);
        found.map(|privilege| privilege.names.join(" "))
    };
    let table = |name: &str| Object::Table { schema: "curiosities".into(), name: name.into() };
    assert_eq!(names(&Object::Database("orders".into())).unwrap(), "CONNECT CREATE TEMPORARY");
    assert_eq!(names(&Object::Schema("curiosities".into())).unwrap(), "CREATE USAGE");
    assert_eq!(names(&table("own")), names(&table("orders")));
    assert!(names(&table("own")).unwrap().contains("TRUNCATE"));
}

#[tokio::test]
async fn a_grant_covers_the_later_tables_of_a_role_that_is_named() {
    new_role("maker").await;
    new_role("reader_of_maker").await;
    let mut owner = new_schema("made").await;
    admin::grant(&mut owner, &Grant::new("maker", "orders", Level::Owner).schema("made"))
        .await
        .unwrap();
    owner.batch_execute("GRANT maker TO CURRENT_USER").await.unwrap();
    let grant = Grant::new("reader_of_maker", "orders", Level::Read).schema("made");
    admin::grant(&mut owner, &grant.for_tables_of("maker")).await.unwrap();

    application("maker").await.batch_execute("CREATE TABLE made.new ()").await.unwrap();
    let reader = application("reader_of_maker").await;
    assert!(may(&reader, "SELECT * FROM made.new").await);
    assert!(!may(&reader, "DELETE FROM made.new").await);
}

/// The server's superuser owns them, on whom no grant of an application may depend.
#[tokio::test]
async fn what_belongs_to_an_extension_is_not_asked_for() {
    new_role("beside_an_extension").await;
    let mut owner = new_schema("extended").await;
    let sql = "CREATE VIEW extended.stats AS SELECT 1 AS calls; \
               GRANT SELECT ON extended.stats TO PUBLIC; \
               ALTER EXTENSION plpgsql ADD VIEW extended.stats";
    azure().server().execute(sql).await.unwrap();
    for level in [Level::Write, Level::Owner] {
        let grant = Grant::new("beside_an_extension", "orders", level).schema("extended");
        admin::grant(&mut owner, &grant).await.unwrap();
    }
    let application = application("beside_an_extension").await;
    assert!(may(&application, "TRUNCATE extended.orders").await);
}
