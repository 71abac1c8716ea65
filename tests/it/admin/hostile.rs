//! Functions and operators that lie in wait for an administrator.

use postgres_entra::admin::{self, Change, Grant, GrantOutcome, Level, RevokeOutcome};
use tokio_postgres::Client;

use super::support::*;

/// Better matches than the server's own for what the statements of an administration call; each ends
/// whatever calls it.
const TRAPS: &str = "
    CREATE SCHEMA trap;
    CREATE FUNCTION trap.has_database_privilege(name, name, text) RETURNS boolean
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.acldefault(text, oid) RETURNS aclitem[]
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.format(text, text, name) RETURNS text
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.current_database() RETURNS name
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.lower(text) RETURNS text
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.equals(name, name) RETURNS boolean
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.equals(oid, oid) RETURNS boolean
        LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE OPERATOR trap.= (LEFTARG = name, RIGHTARG = name, FUNCTION = trap.equals);
    CREATE OPERATOR trap.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = trap.equals);
";

async fn is_trapped(client: &Client, sql: &str) -> bool {
    let error = client.simple_query(sql).await.unwrap_err();
    error.as_db_error().is_some_and(|error| error.message() == "trapped")
}

/// Both where the search path has the server's functions first, as by default, and where it does not.
#[tokio::test]
async fn no_function_of_others_is_called_with_the_rights_of_the_administrator() {
    new_role("prey").await;
    let sql = "CREATE DATABASE trapped";
    administrator("postgres").await.batch_execute(sql).await.unwrap();
    let mut client = administrator("trapped").await;
    client.batch_execute(TRAPS).await.unwrap();
    client.batch_execute("CREATE TABLE public.t (id serial)").await.unwrap();
    let grant = Grant::new("prey", "trapped", Level::Owner);
    for path in ["public, trap", "trap, pg_catalog"] {
        client.batch_execute(&format!("SET search_path = {path}")).await.unwrap();
        let call = "SELECT has_database_privilege('a'::name, 'b'::name, 'CONNECT'::text)";
        assert!(is_trapped(&client, call).await);

        let outcome = admin::grant(&mut client, &grant).await.unwrap();
        assert!(matches!(outcome, GrantOutcome::Granted(_)), "{outcome}");
        assert!(!admin::privileges(&mut client, "prey").await.unwrap().is_empty());
        let outcome = admin::revoke(&mut client, &grant).await.unwrap();
        assert!(matches!(outcome, RevokeOutcome::Revoked(_)), "{outcome}");
        assert!(is_trapped(&client, call).await, "the session's own search path stays");
    }

    let sql = "GRANT CREATE ON DATABASE postgres TO azure_pg_admin";
    azure().server().execute(sql).await.unwrap();
    let mut client = administrator("postgres").await;
    client.batch_execute(TRAPS).await.unwrap();
    client.batch_execute("SET search_path = trap, pg_catalog").await.unwrap();
    assert!(!admin::list_principals(&mut client).await.unwrap().is_empty());
    assert_eq!(admin::drop_principal(&mut client, "prey").await.unwrap(), Change::Dropped);
}
