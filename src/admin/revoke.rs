//! Taking a grant back, in the database that it was for.

use std::fmt;

use tokio_postgres::{Client, Transaction, error::SqlState};

use super::{
    AdminError, Grant, Object, Plan, Privilege,
    locks::name_holders,
    plan::{Attempts, begin, commit},
    privileges::{Held, grouped, held_by},
    quote::{identifier, role_identifier},
    session::Session,
};

/// What [`revoke`] changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokeOutcome {
    /// The role had these privileges, and has them no more.
    Revoked(Vec<Privilege>),
    /// The role had none of them.
    Unchanged,
}

impl fmt::Display for RevokeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("unchanged"),
            Self::Revoked(privileges) => {
                let texts: Vec<_> = privileges.iter().map(ToString::to_string).collect();
                write!(f, "revoked {}", texts.join("; "))
            }
        }
    }
}

/// Takes away what [`grant`](super::grant()) gives with the same [`Grant`]: the level's privileges on the
/// database, on the schema, on what is in it, and on what will be. Nothing else: what the role owns, what
/// it has in other schemas or by a higher level, and what it has as a member of another role stay.
///
/// The privileges on the database are needed by grants in its other schemas too: run those again. As ever
/// in PostgreSQL, a privilege on a table takes the same privilege on single columns with it. A table that
/// another session has created and not committed keeps what it was given: run the revoke again after that.
///
/// Works again if run twice, after the role was dropped, and from several jobs at once.
///
/// # Errors
///
/// [`AdminError::WrongDatabase`] as for a grant. [`AdminError::NotOwner`] or [`AdminError::NotRevoked`] if
/// somebody else granted it, [`AdminError::PassedOn`] if the role has granted it to others. Then nothing
/// is revoked. [`AdminError::InvalidName`] before anything is sent.
pub async fn revoke(client: &mut Client, grant: &Grant) -> Result<RevokeOutcome, AdminError> {
    let plan = grant.plan()?;
    let mut attempts = Attempts::default();
    loop {
        let outcome = revoke_once(client, grant, &plan).await;
        if !attempts.another_after(&outcome) {
            return name_holders(client, outcome).await;
        }
    }
}

async fn revoke_once(
    client: &mut Client,
    grant: &Grant,
    plan: &Plan,
) -> Result<RevokeOutcome, AdminError> {
    let transaction = begin(client).await?;
    let session = Session::of(&transaction).await?;
    session.check_database(plan)?;
    let Some(role) = session.role_id(&transaction, grant.role()).await? else {
        return Ok(RevokeOutcome::Unchanged);
    };
    let granted = async || {
        let mut held = held_by(&transaction, role).await?;
        held.retain(|it| it.is_of(grant, session.current()));
        Ok::<_, AdminError>(held)
    };
    let before = granted().await?;
    // First for what will be, so that whatever is created meanwhile is found after it.
    let later = before.iter().filter(|it| it.object.is_later()).cloned().collect();
    take_away(&transaction, grant, later).await?;
    take_away(&transaction, grant, granted().await?).await?;
    let left = granted().await?;
    if !left.is_empty() {
        let left = left.iter().map(ToString::to_string).collect();
        return Err(AdminError::NotRevoked { role: grant.role().to_owned(), left });
    }
    if before.is_empty() {
        return Ok(RevokeOutcome::Unchanged);
    }
    commit(transaction).await?;
    Ok(RevokeOutcome::Revoked(grouped(before)))
}

/// Without `CASCADE`: a grant lets nobody pass anything on.
async fn take_away(
    transaction: &Transaction<'_>,
    grant: &Grant,
    held: Vec<Held>,
) -> Result<(), AdminError> {
    let role = role_identifier(grant.role())?;
    let privileges = grouped(held);
    let statements = privileges.iter().map(|it| it.revocation(&role)).collect::<Result<_, _>>()?;
    let plan = Plan::new(grant.database(), statements);
    let outcome = plan.run_as_owner(transaction).await;
    outcome.map_err(|error| match error.with_state(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) {
        Ok(cause) => AdminError::PassedOn { role: grant.role().to_owned(), cause },
        Err(error) => error,
    })
}

impl Privilege {
    /// The statement that takes it away from the role, which is an identifier.
    fn revocation(&self, role: &str) -> Result<String, AdminError> {
        let names = self.names.join(", ");
        let on = |kind: &str, name: &str| {
            Ok(format!("REVOKE {names} ON {kind} {} FROM {role}", identifier(name)?))
        };
        let inside = |kind: &str, schema: &str, name: &str| {
            let (schema, name) = (identifier(schema)?, identifier(name)?);
            Ok(format!("REVOKE {names} ON {kind} {schema}.{name} FROM {role}"))
        };
        let later = |kind: &str, schema: &Option<String>, creator: &str| {
            let creator = role_identifier(creator)?;
            let schema = schema.as_deref().map(identifier).transpose()?;
            let place = schema.map(|schema| format!(" IN SCHEMA {schema}")).unwrap_or_default();
            let alter = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {creator}{place}");
            Ok(format!("{alter} REVOKE {names} ON {kind} FROM {role}"))
        };
        match &self.object {
            Object::Database(name) => on("DATABASE", name),
            Object::Schema(name) => on("SCHEMA", name),
            Object::Table { schema, name } => inside("TABLE", schema, name),
            Object::Sequence { schema, name } => inside("SEQUENCE", schema, name),
            Object::FutureTables { schema, creator } => later("TABLES", schema, creator),
            Object::FutureSequences { schema, creator } => later("SEQUENCES", schema, creator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_object_has_its_statement() {
        let place = || Some("s \"1\"".to_owned());
        let cases = [
            (Object::Database("d".into()), r#"REVOKE A, B ON DATABASE "d" FROM "r""#),
            (Object::Schema("s".into()), r#"REVOKE A, B ON SCHEMA "s" FROM "r""#),
            (
                Object::Table { schema: "s".into(), name: "t; DROP".into() },
                r#"REVOKE A, B ON TABLE "s"."t; DROP" FROM "r""#,
            ),
            (
                Object::Sequence { schema: "s".into(), name: "q".into() },
                r#"REVOKE A, B ON SEQUENCE "s"."q" FROM "r""#,
            ),
            (
                Object::FutureTables { schema: place(), creator: "c".into() },
                r#"ALTER DEFAULT PRIVILEGES FOR ROLE "c" IN SCHEMA "s ""1""" REVOKE A, B ON TABLES FROM "r""#,
            ),
            (
                Object::FutureSequences { schema: None, creator: "c".into() },
                r#"ALTER DEFAULT PRIVILEGES FOR ROLE "c" REVOKE A, B ON SEQUENCES FROM "r""#,
            ),
        ];
        for (object, expected) in cases {
            let privilege = Privilege { object, names: vec!["A".into(), "B".into()] };
            assert_eq!(privilege.revocation(r#""r""#).unwrap(), expected);
        }
    }
}
