//! Granting, in the database that the grant is for.

use std::fmt;

use tokio_postgres::{Client, Transaction};

use super::{
    AdminError, Grant, Plan, Privilege,
    level::Rights,
    locks::name_holders,
    plan::{Attempts, begin, commit},
    privileges::privileges_of,
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
/// What belongs to an extension is not checked: the server grants what it can there. Where the connected
/// role has no right at all on such a table, that is [`AdminError::NotOwner`].
///
/// Works again if run twice, and from several jobs at once.
///
/// # Errors
///
/// [`AdminError::WrongDatabase`] if the client is connected to another database than the grant's,
/// [`AdminError::RoleMissing`] if there is no such role. [`AdminError::NotOwner`] or
/// [`AdminError::NotGranted`] if tables belong to someone else, who has to run the same grant.
/// [`AdminError::InvalidName`] before anything is sent.
pub async fn grant(client: &mut Client, grant: &Grant) -> Result<GrantOutcome, AdminError> {
    let plan = grant.plan()?;
    let mut attempts = Attempts::default();
    loop {
        let outcome = grant_once(client, grant, &plan).await;
        if !attempts.another_after(&outcome) {
            return name_holders(client, outcome).await;
        }
    }
}

async fn grant_once(
    client: &mut Client,
    grant: &Grant,
    plan: &Plan,
) -> Result<GrantOutcome, AdminError> {
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    session.check_database(plan)?;
    let before = privileges_of(&transaction, grant.role()).await?;
    plan.run_as_owner(&transaction).await?;
    check_granted(&transaction, grant).await?;
    let mut granted = privileges_of(&transaction, grant.role()).await?;
    granted.retain(|privilege| !before.contains(privilege));
    commit(transaction).await?;
    Ok(if granted.is_empty() { GrantOutcome::Unchanged } else { GrantOutcome::Granted(granted) })
}

/// Where the connected role may grant only a part, the server warns and goes on. The tables of an extension
/// belong to whoever installed it, often the server itself, and no grant of the application's owner
/// could include them.
async fn check_granted(transaction: &Transaction<'_>, grant: &Grant) -> Result<(), AdminError> {
    const SQL: &str = "\
        WITH place AS ( \
            SELECT $1::text::name AS role, nspname AS schema, oid AS schema_id \
            FROM pg_namespace WHERE nspname = $2::text), \
        relation AS ( \
            SELECT role, c.oid, relkind FROM place JOIN pg_class c ON relnamespace = schema_id \
            WHERE NOT EXISTS (SELECT FROM pg_depend \
                WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')) \
        SELECT format('%s on database %I', privilege, current_database()) \
        FROM place, unnest($3::text[]) privilege \
        WHERE NOT has_database_privilege(role, current_database(), privilege) \
        UNION ALL \
        SELECT format('%s on schema %I', privilege, schema) \
        FROM place, unnest($4::text[]) privilege \
        WHERE NOT has_schema_privilege(role, schema_id, privilege) \
        UNION ALL \
        SELECT format('%s on table %s', privilege, oid::regclass) \
        FROM relation, unnest($5::text[]) privilege \
        WHERE CASE WHEN relkind IN ('r', 'p', 'v', 'm', 'f') \
            THEN NOT has_table_privilege(role, oid, privilege) END \
        UNION ALL \
        SELECT format('%s on sequence %s', privilege, oid::regclass) \
        FROM relation, unnest($6::text[]) privilege \
        WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(role, oid, privilege) END";
    let Rights { database, schema, tables, sequences } = grant.level().rights();
    let (role, schema_name) = (grant.role(), grant.schema_name());
    let rows = transaction
        .query(
            SQL,
            &[&role, &schema_name, &database.names, &schema.names, &tables.names, &sequences.names],
        )
        .await
        .map_err(AdminError::sql("check what was granted"))?;
    if rows.is_empty() {
        return Ok(());
    }
    let missing = rows.iter().map(|row| row.get(0)).collect();
    Err(AdminError::NotGranted { role: role.to_owned(), missing })
}
