//! Membership for the time of a transaction.

use tokio_postgres::Transaction;

use super::{AdminError, Plan};

/// Gives the connected role the rights of another one, which it needs to take away what that one owns.
/// Returns the statement that makes the membership what it was, if it had to be changed.
pub(super) async fn join(
    transaction: &Transaction<'_>,
    role: u32,
    name: &str,
) -> Result<Option<String>, AdminError> {
    const SQL: &str = "SELECT pg_has_role($1::oid, 'USAGE'), \
        current_setting('server_version_num')::int >= 160000";
    let failed = AdminError::sql("ask for memberships");
    let row = transaction.query_one(SQL, &[&role]).await.map_err(failed)?;
    let (has_rights, has_options) = (row.get(0), row.get(1));
    if has_rights {
        return Ok(None);
    }
    // Without the option, a membership that exists stays as it is.
    let options = if has_options { " WITH INHERIT TRUE" } else { "" };
    let before = memberships(transaction, role).await?;
    let grant = format!("GRANT {name} TO CURRENT_USER{options}");
    Plan::new("", vec![grant]).grant(transaction).await?;
    let after = memberships(transaction, role).await?;
    let changed = after.into_iter().find(|membership| !before.contains(membership));
    Ok(changed.map(|changed| {
        if before.iter().any(|membership| membership.grantor == changed.grantor) {
            format!("GRANT {name} TO CURRENT_USER WITH INHERIT FALSE")
        } else {
            format!("REVOKE {name} FROM CURRENT_USER")
        }
    }))
}

/// The connected role's membership in another one: since version 16 there may be one for each grantor.
#[derive(PartialEq, Eq)]
struct Membership {
    grantor: u32,
    /// Whether it gives the rights of the role, as a text; before version 16 that is not a question of
    /// the membership.
    inherits: Option<String>,
}

async fn memberships(
    transaction: &Transaction<'_>,
    role: u32,
) -> Result<Vec<Membership>, AdminError> {
    const SQL: &str = "SELECT grantor, to_jsonb(m) ->> 'inherit_option' \
        FROM pg_auth_members m JOIN pg_roles r ON r.oid = member \
        WHERE roleid = $1 AND rolname = current_user";
    let failed = AdminError::sql("ask for memberships");
    let rows = transaction.query(SQL, &[&role]).await.map_err(failed)?;
    let membership =
        |row: &tokio_postgres::Row| Membership { grantor: row.get(0), inherits: row.get(1) };
    Ok(rows.iter().map(membership).collect())
}
