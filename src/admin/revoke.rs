//! Taking away what a role has, in the connected database.

use tokio_postgres::{Client, Row, Transaction, types::ToSql};

use super::{
    AdminError, Change,
    membership::join,
    plan::{Attempts, Plan, begin, commit},
    quote::{identifier, role_identifier},
    session::Session,
};

/// Takes everything away from a role that it has in the connected database, and the privileges that it
/// has on the database. What it owns there goes to the connected role. Its rights on other databases
/// stay.
///
/// Run it in each database that the role uses, before [`drop_principal`](super::drop_principal).
///
/// Works again if run twice, and from several jobs at once.
///
/// # What the connected role takes over
///
/// What belongs to it from then on also runs with its rights. Functions and procedures that were
/// `SECURITY DEFINER` become `SECURITY INVOKER`, because they would lend the rights of the administrator
/// to everyone who may call them. Views and rules have no such switch in all versions: they read and
/// write as their owner does, for everyone who was granted them, and what the server runs for the owner
/// of a table, such as the functions of an index during `ANALYZE`, is run as the administrator. Where the
/// role was not trusted, look at what it owned before you revoke it, or drop it.
///
/// Databases and tablespaces that the role owns change hands too, wherever it is run: they belong to no
/// database.
///
/// # Errors
///
/// [`AdminError::OwnRole`] for the role that is logged in, [`AdminError::NotOwner`] if the connected role
/// may not revoke this, [`AdminError::NotRevoked`] if something would remain, which others granted.
/// [`AdminError::InvalidName`] before anything is sent.
pub async fn revoke(client: &mut Client, role: &str) -> Result<Change, AdminError> {
    let mut attempts = Attempts::default();
    loop {
        let outcome = revoke_once(client, role).await;
        if !attempts.another_after(&outcome) {
            return outcome;
        }
    }
}

async fn revoke_once(client: &mut Client, role: &str) -> Result<Change, AdminError> {
    let name = role_identifier(role)?;
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    if session.is_run_by(role) {
        return Err(AdminError::OwnRole { role: role.to_owned() });
    }
    let Some(id) = session.role_id(&transaction, role).await? else {
        return Ok(Change::Unchanged);
    };
    if held_by(&transaction, id).await?.is_empty() {
        return Ok(Change::Unchanged);
    }
    let run = async |statements| Plan::new(&session.database, statements).grant(&transaction).await;
    let leave = join(&transaction, id, &name).await?;
    run(vec![format!("REASSIGN OWNED BY {name} TO CURRENT_USER")]).await?;
    run(as_invoker(&transaction).await?).await?;
    let databases = databases_of(&transaction, id).await?;
    run(database_locks(&databases)?).await?;
    let mut elsewhere = rights_elsewhere(&transaction, &databases).await?;
    run(vec![format!("DROP OWNED BY {name}")]).await?;
    let kept = rights_elsewhere(&transaction, &databases).await?;
    elsewhere.retain(|granted| !kept.contains(granted));
    run(elsewhere.into_iter().map(|(statement, _)| statement).collect()).await?;
    run(leave.into_iter().collect()).await?;
    let left = held_by(&transaction, id).await?;
    if !left.is_empty() {
        return Err(AdminError::NotRevoked { role: role.to_owned(), left });
    }
    commit(transaction).await?;
    Ok(Change::Revoked)
}

/// All that a role owns or was granted, in the words of `DROP ROLE`, except for the other databases.
async fn held_by(transaction: &Transaction<'_>, role: u32) -> Result<Vec<String>, AdminError> {
    const SQL: &str = "\
        SELECT concat(CASE deptype WHEN 'o' THEN 'owner of ' WHEN 'r' THEN 'target of ' \
            ELSE 'privileges for ' END, pg_describe_object(classid, objid, objsubid)) \
        FROM pg_shdepend, pg_database AS this \
        WHERE datname = current_database() \
            AND refclassid = 'pg_authid'::regclass AND refobjid = $1 \
            AND dbid IN (this.oid, 0) \
            AND NOT (classid = 'pg_database'::regclass AND objid <> this.oid) \
        ORDER BY 1";
    let rows = query(transaction, SQL, &[&role], "ask what the role has").await?;
    Ok(rows.iter().map(first).collect())
}

/// The statements that make the functions that this transaction has rewritten, which are those that have
/// changed hands, run with the rights of whoever calls them. Nobody else sees them before that: what the
/// role's sessions create or change meanwhile is among them or still the role's.
async fn as_invoker(transaction: &Transaction<'_>) -> Result<Vec<String>, AdminError> {
    const SQL: &str = "\
        SELECT format('ALTER ROUTINE %I.%I(%s) SECURITY INVOKER', nspname, proname, \
            pg_get_function_identity_arguments(p.oid)) \
        FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace \
        WHERE prosecdef AND p.xmin = pg_current_xact_id()::xid";
    Ok(query(transaction, SQL, &[], "look for functions").await?.iter().map(first).collect())
}

/// The databases where a role has rights, or has passed some on.
async fn databases_of(transaction: &Transaction<'_>, role: u32) -> Result<Vec<String>, AdminError> {
    const SQL: &str = "\
        SELECT DISTINCT datname FROM pg_database, aclexplode(datacl) \
        WHERE $1 IN (grantee, grantor) ORDER BY 1";
    let rows = query(transaction, SQL, &[&role], "look for rights on databases").await?;
    Ok(rows.iter().map(first).collect())
}

/// Statements that change nothing, since `PUBLIC` can't have grant options, and keep others from changing
/// the rights on these databases. All jobs lock them in the same order, except for those that the role
/// owns.
fn database_locks(databases: &[String]) -> Result<Vec<String>, AdminError> {
    let lock = |database: &String| {
        let database = identifier(database)?;
        Ok(format!("REVOKE GRANT OPTION FOR ALL PRIVILEGES ON DATABASE {database} FROM PUBLIC"))
    };
    databases.iter().map(lock).collect()
}

/// The statements that grant what anyone was granted on those of these databases that are not the
/// connected one, each with the one who granted it. `DROP OWNED` takes away there what the role has, what
/// it has passed on, and what others have passed on of that.
async fn rights_elsewhere(
    transaction: &Transaction<'_>,
    databases: &[String],
) -> Result<Vec<(String, u32)>, AdminError> {
    const SQL: &str = "\
        SELECT format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, datname, \
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, \
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END), grantor \
        FROM pg_database, aclexplode(datacl) \
        WHERE datname = ANY($1) AND datname <> current_database() \
        ORDER BY 1";
    let rows = query(transaction, SQL, &[&databases], "read the rights on other databases").await?;
    Ok(rows.iter().map(|row| (first(row), row.get(1))).collect())
}

async fn query(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
    step: &str,
) -> Result<Vec<Row>, AdminError> {
    transaction.query(sql, parameters).await.map_err(AdminError::sql(step))
}

fn first(row: &Row) -> String {
    row.get(0)
}
