//! What is done with grants, in the database that they are for.

use std::fmt;

use tokio_postgres::{Client, Transaction, error::SqlState};

use super::{
    AdminError, Change, Grant, Plan, Privilege,
    level::Rights,
    plan::{begin, commit},
    privileges::privileges_of,
    quote::identifier,
    session::Session,
};

/// What [`grant`] changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantOutcome {
    /// The role has these privileges now, and had not before.
    Granted(Vec<Privilege>),
    /// The role had everything.
    Unchanged,
}

impl fmt::Display for GrantOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("unchanged"),
            Self::Granted(privileges) => {
                let texts: Vec<_> = privileges.iter().map(ToString::to_string).collect();
                write!(f, "granted {}", texts.join("; "))
            }
        }
    }
}

/// Grants a role what its level says, and checks that it has it. Takes nothing away.
///
/// Works again if run twice, and from several jobs at once. Dropping the future undoes what was not
/// committed.
///
/// # Errors
///
/// [`AdminError::WrongDatabase`] if the client is connected to another database than the grant's,
/// [`AdminError::RoleMissing`] if there is no such role. [`AdminError::NotOwner`] or
/// [`AdminError::NotGranted`] if tables belong to someone else, who has to run the same grant.
/// [`AdminError::InvalidName`] before anything is sent.
pub async fn grant(client: &mut Client, grant: &Grant) -> Result<GrantOutcome, AdminError> {
    let plan = grant.plan()?;
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    if session.database != plan.database() {
        let (connected, wanted) = (session.database, plan.database().to_owned());
        return Err(AdminError::WrongDatabase { connected, wanted });
    }
    let before = privileges_of(&transaction, grant.role()).await?;
    run(&plan, &transaction).await?;
    check_granted(&transaction, grant).await?;
    let mut granted = privileges_of(&transaction, grant.role()).await?;
    granted.retain(|privilege| !before.contains(privilege));
    commit(transaction).await?;
    Ok(if granted.is_empty() { GrantOutcome::Unchanged } else { GrantOutcome::Granted(granted) })
}

/// Takes everything away from a role that it has in the connected database, and the privileges that it
/// has on the database. What it owns there goes to the connected role.
///
/// Run it in each database that the role uses, before [`drop_principal`](super::drop_principal).
///
/// # Errors
///
/// [`AdminError::NotOwner`] if the connected role may not do so, [`AdminError::InvalidName`].
pub async fn revoke(client: &mut Client, role: &str) -> Result<Change, AdminError> {
    let name = identifier(role)?;
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    if session.role_id(&transaction, role).await?.is_none() {
        return Ok(Change::Unchanged);
    }
    let before = privileges_of(&transaction, role).await?;
    let mut statements =
        vec![format!("REASSIGN OWNED BY {name} TO CURRENT_USER"), format!("DROP OWNED BY {name}")];
    if !is_member(&transaction, role).await? {
        statements.insert(0, format!("GRANT {name} TO CURRENT_USER"));
        statements.push(format!("REVOKE {name} FROM CURRENT_USER"));
    }
    run(&Plan::new(&session.database, statements), &transaction).await?;
    commit(transaction).await?;
    Ok(if before.is_empty() { Change::Unchanged } else { Change::Revoked })
}

async fn run(plan: &Plan, transaction: &Transaction<'_>) -> Result<(), AdminError> {
    plan.run(transaction).await.map_err(|error| {
        match error.with_state(&SqlState::INSUFFICIENT_PRIVILEGE) {
            Ok(cause) => AdminError::NotOwner { cause },
            Err(error) => error,
        }
    })
}

/// Only who has the rights of a role may take away what it owns.
async fn is_member(transaction: &Transaction<'_>, role: &str) -> Result<bool, AdminError> {
    let sql = "SELECT pg_catalog.pg_has_role($1::text::name, 'USAGE')";
    let row = transaction
        .query_one(sql, &[&role])
        .await
        .map_err(AdminError::sql("ask for memberships"))?;
    Ok(row.get(0))
}

/// Where the connected role may grant only a part, the server warns and goes on.
async fn check_granted(transaction: &Transaction<'_>, grant: &Grant) -> Result<(), AdminError> {
    const SQL: &str = "\
        WITH place AS ( \
            SELECT $1::text::name AS role, nspname AS schema, oid AS schema_id \
            FROM pg_namespace WHERE nspname = $2::text) \
        SELECT format('%s on database %I', privilege, current_database()) \
        FROM place, unnest($3::text[]) privilege \
        WHERE NOT has_database_privilege(role, current_database(), privilege) \
        UNION ALL \
        SELECT format('%s on schema %I', privilege, schema) \
        FROM place, unnest($4::text[]) privilege \
        WHERE NOT has_schema_privilege(role, schema_id, privilege) \
        UNION ALL \
        SELECT format('%s on table %s', privilege, c.oid::regclass) \
        FROM place, pg_class c, unnest($5::text[]) privilege \
        WHERE relnamespace = schema_id \
            AND CASE WHEN relkind IN ('r', 'p', 'v', 'm', 'f') \
                THEN NOT has_table_privilege(role, c.oid, privilege) END \
        UNION ALL \
        SELECT format('%s on sequence %s', privilege, c.oid::regclass) \
        FROM place, pg_class c, unnest($6::text[]) privilege \
        WHERE relnamespace = schema_id \
            AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(role, c.oid, privilege) END";
    let Rights { database, schema, tables, sequences } = grant.level().rights();
    let (role, schema_name) = (grant.role(), grant.schema_name());
    let rows = transaction
        .query(SQL, &[&role, &schema_name, &database.1, &schema.1, &tables.1, &sequences.1])
        .await
        .map_err(AdminError::sql("check what was granted"))?;
    if rows.is_empty() {
        return Ok(());
    }
    let missing = rows.iter().map(|row| row.get(0)).collect();
    Err(AdminError::NotGranted { role: role.to_owned(), missing })
}
