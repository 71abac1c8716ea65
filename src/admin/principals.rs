//! What is done with principals, in the database `postgres`.

use tokio_postgres::{Client, Row, Transaction, error::SqlState};

use super::{
    AdminError, Change, ListedPrincipal, Plan, Principal,
    error::how_to_remove,
    locks::name_holders,
    plan::{begin, begin_reading, commit},
    principal::ADMIN_DATABASE,
    quote::role_identifier,
    remains::{InTheWay, ending_sessions, in_the_way},
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
    let outcome = create_once(client, principal).await;
    name_holders(client, outcome).await
}

async fn create_once(client: &mut Client, principal: &Principal) -> Result<(), AdminError> {
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
    let outcome = ensure_once(client, principal).await;
    name_holders(client, outcome).await
}

async fn ensure_once(client: &mut Client, principal: &Principal) -> Result<Change, AdminError> {
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

/// Drops the role of a principal, which ends its right to log in at once, whatever tokens it has.
///
/// Drops nothing else and hands nothing over: if the role owns anything or has privileges, in any database
/// of the server, the error says what, and which statements remove it. What may be temporary tables alone,
/// which everyone can have and which end with their session, doesn't count: then the role's sessions are
/// ended. Else open sessions go on.
///
/// # Errors
///
/// [`AdminError::StillInUse`], [`AdminError::NotAPrincipal`] if it is an ordinary role, which is not
/// touched. [`AdminError::FunctionsMissing`] and [`AdminError::NotAdministrator`] as elsewhere,
/// [`AdminError::InvalidName`] before anything is sent.
pub async fn drop_principal(client: &mut Client, role: &str) -> Result<Change, AdminError> {
    let name = role_identifier(role)?;
    let outcome = match drop_once(client, role, &name).await {
        Ok(Dropping::Done(change)) => Ok(change),
        Ok(Dropping::Prevented(in_the_way)) if in_the_way.may_be_temporary => {
            drop_with_sessions(client, role, &name, in_the_way.may_log_in).await
        }
        Ok(Dropping::Prevented(in_the_way)) => Err(still_in_use(role, &name, in_the_way)),
        Err(error) => Err(error),
    };
    name_holders(client, outcome).await
}

enum Dropping {
    Done(Change),
    Prevented(InTheWay),
}

async fn drop_once(client: &mut Client, role: &str, name: &str) -> Result<Dropping, AdminError> {
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    if find(&transaction, &session, role).await?.is_none() {
        return Ok(Dropping::Done(Change::Unchanged));
    }
    let Some(id) = session.role_id(&transaction, role).await? else {
        return Ok(Dropping::Done(Change::Unchanged));
    };
    let in_the_way = in_the_way(&transaction, id).await?;
    if !in_the_way.remains.is_empty() {
        return Ok(Dropping::Prevented(in_the_way));
    }
    let plan = Plan::new(ADMIN_DATABASE, vec![format!("DROP ROLE {name}")]);
    plan.run(&transaction).await.map_err(|error| session.explain(error))?;
    commit(transaction).await?;
    Ok(Dropping::Done(Change::Dropped))
}

/// Lets the role open no more sessions, ends those that it has, and drops it. If that does not help, it
/// may log in again, provided that it might before.
async fn drop_with_sessions(
    client: &mut Client,
    role: &str,
    name: &str,
    may_log_in: bool,
) -> Result<Change, AdminError> {
    if may_log_in {
        execute(client, format!("ALTER ROLE {name} NOLOGIN")).await?;
    }
    let outcome = drop_without_sessions(client, role, name).await;
    if may_log_in && outcome.is_err() {
        execute(client, format!("ALTER ROLE {name} LOGIN")).await?;
    }
    outcome
}

async fn drop_without_sessions(
    client: &mut Client,
    role: &str,
    name: &str,
) -> Result<Change, AdminError> {
    execute(client, ending_sessions(role)).await?;
    match drop_once(client, role, name).await? {
        Dropping::Done(change) => Ok(change),
        Dropping::Prevented(in_the_way) => Err(still_in_use(role, name, in_the_way)),
    }
}

async fn execute(client: &mut Client, statement: String) -> Result<(), AdminError> {
    let transaction = begin(client).await?;
    Plan::new(ADMIN_DATABASE, vec![statement]).run(&transaction).await?;
    commit(transaction).await
}

fn still_in_use(role: &str, name: &str, in_the_way: InTheWay) -> AdminError {
    let removal = in_the_way.removal(role, name);
    let advice = how_to_remove(&removal);
    AdminError::StillInUse { role: role.to_owned(), remains: in_the_way.remains, removal, advice }
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
