//! What is done with principals, in the database `postgres`.

use tokio_postgres::{Client, Row, Transaction, error::SqlState};

use super::{
    AdminError, Change, ListedPrincipal, Plan, Principal,
    plan::{begin, begin_reading, commit},
    principal::ADMIN_DATABASE,
    quote::role_identifier,
    session::Session,
};

/// Creates the role of a principal.
///
/// # Errors
///
/// [`AdminError::RoleExists`] if there is a role of this name, and as [`ensure_principal`].
pub async fn create_principal(
    client: &mut Client,
    principal: &Principal,
) -> Result<(), AdminError> {
    let plan = principal.plan()?;
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    create(transaction, &session, principal, &plan).await
}

/// Creates the role of a principal unless it is there; changes nothing that exists.
///
/// Works again if run twice, and from several jobs at once.
///
/// A principal by name is not looked up again where its role exists: only one by object id tells whether
/// that is still the same object.
///
/// # Errors
///
/// [`AdminError::Conflict`] if the role belongs to another object id, [`AdminError::Differs`] if it was
/// created with another type or flag, [`AdminError::NotAPrincipal`] if it is an ordinary role.
/// [`AdminError::FunctionsMissing`], [`AdminError::NotAdministrator`] or [`AdminError::NotInTenant`]
/// if it can't be created, [`AdminError::InvalidName`] or [`AdminError::InvalidObjectId`] before
/// anything is sent.
pub async fn ensure_principal(
    client: &mut Client,
    principal: &Principal,
) -> Result<Change, AdminError> {
    let plan = principal.plan()?;
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    if let Some(existing) = find(&transaction, &session, principal.role()).await? {
        return principal.check(&existing).map(|()| Change::Unchanged);
    }
    create(transaction, &session, principal, &plan).await?;
    Ok(Change::Created)
}

async fn create(
    transaction: Transaction<'_>,
    session: &Session,
    principal: &Principal,
    plan: &Plan,
) -> Result<(), AdminError> {
    let created = plan.run(&transaction).await;
    created.map_err(|error| explain_creation(error, principal, session))?;
    commit(transaction).await
}

/// Drops the role of a principal, which ends its right to log in at once, whatever tokens it has. Open
/// sessions go on.
///
/// # Errors
///
/// [`AdminError::StillInUse`] if the role owns objects or has privileges anywhere on the server:
/// [`revoke`](super::revoke) them first. [`AdminError::NotAPrincipal`] if it is an ordinary role, which
/// is not touched. [`AdminError::FunctionsMissing`] and [`AdminError::NotAdministrator`] as elsewhere,
/// [`AdminError::InvalidName`] before anything is sent.
pub async fn drop_principal(client: &mut Client, role: &str) -> Result<Change, AdminError> {
    let plan = Plan::new(ADMIN_DATABASE, vec![format!("DROP ROLE {}", role_identifier(role)?)]);
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    if find(&transaction, &session, role).await?.is_none() {
        return Ok(Change::Unchanged);
    }
    let dropped = plan.run(&transaction).await;
    dropped.map_err(|error| match error.with_state(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) {
        Ok(cause) => AdminError::StillInUse { role: role.to_owned(), cause },
        Err(error) => session.explain(error),
    })?;
    commit(transaction).await?;
    Ok(Change::Dropped)
}

/// The roles that belong to principals, in alphabetical order.
///
/// # Errors
///
/// [`AdminError::FunctionsMissing`] and [`AdminError::NotAdministrator`].
pub async fn list_principals(client: &mut Client) -> Result<Vec<ListedPrincipal>, AdminError> {
    let transaction = begin_reading(client).await?;
    let session = Session::of(&transaction).await?;
    let principals = list(&transaction, &session).await?;
    commit(transaction).await?;
    Ok(principals)
}

async fn list(
    transaction: &Transaction<'_>,
    session: &Session,
) -> Result<Vec<ListedPrincipal>, AdminError> {
    // The argument asks for administrators alone.
    let sql = "SELECT role::text, lower(type::text), object::text, coalesce(tenant::text, ''), \
               mfa::int <> 0, admin::int <> 0 \
               FROM pg_catalog.pgaadauth_list_principals(false) \
               AS principal(role, type, object, tenant, mfa, admin) ORDER BY role";
    let rows = transaction.query(sql, &[]).await.map_err(AdminError::sql("list the principals"));
    let rows = rows.map_err(|error| session.explain(error))?;
    Ok(rows.iter().map(listed).collect())
}

fn listed(row: &Row) -> ListedPrincipal {
    ListedPrincipal {
        role: row.get(0),
        principal_type: row.get::<_, &str>(1).parse().ok(),
        object_id: row.get(2),
        tenant_id: row.get(3),
        requires_mfa: row.get(4),
        is_admin: row.get(5),
    }
}

/// The principal that a role belongs to; `None` if there is no such role.
async fn find(
    transaction: &Transaction<'_>,
    session: &Session,
    role: &str,
) -> Result<Option<ListedPrincipal>, AdminError> {
    let principals = list(transaction, session).await?;
    let found = principals.into_iter().find(|principal| principal.role == role);
    if found.is_some() {
        return Ok(found);
    }
    match session.role_id(transaction, role).await? {
        Some(_) => Err(AdminError::NotAPrincipal { role: role.to_owned() }),
        None => Ok(None),
    }
}

fn explain_creation(error: AdminError, principal: &Principal, session: &Session) -> AdminError {
    let error = match error.with_state(&SqlState::DUPLICATE_OBJECT) {
        Ok(cause) => return AdminError::RoleExists { role: principal.role().to_owned(), cause },
        Err(error) => error,
    };
    match error {
        AdminError::Sql { cause, .. } if says_not_in_tenant(&cause) => {
            AdminError::NotInTenant { name: principal.role().to_owned(), cause }
        }
        error => session.explain(error),
    }
}

/// By its text, since the SQLSTATE is the one of any raised exception
/// ([documentation](https://learn.microsoft.com/azure/postgresql/security/security-connect-with-managed-identity)).
fn says_not_in_tenant(cause: &tokio_postgres::Error) -> bool {
    cause.as_db_error().is_some_and(|error| error.message().contains("not found in the tenant"))
}
