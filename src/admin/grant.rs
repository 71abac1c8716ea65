use super::{
    AdminError, Level, Plan,
    quote::{identifier, role_identifier},
};

/// What a role is to be allowed in one schema of a database: for [`grant`](super::grant()) and
/// [`revoke`](super::revoke()).
///
/// ```
/// use postgres_entra::admin::{Grant, Level};
///
/// let grant = Grant::new("aad_orders", "orders", Level::Write).schema("sales");
/// println!("{}", grant.plan()?);
/// # Ok::<(), postgres_entra::admin::AdminError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    role: String,
    database: String,
    schema: String,
    level: Level,
    creators: Vec<String>,
}

impl Grant {
    /// A grant in the schema `public` of this database.
    pub fn new(role: impl Into<String>, database: impl Into<String>, level: Level) -> Self {
        let (role, database, schema) = (role.into(), database.into(), "public".to_owned());
        Self { role, database, schema, level, creators: Vec::new() }
    }

    /// Another schema than `public`.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Names a role that will create tables, whose later tables the grant is to cover as well; may be
    /// called several times. The connected role must be a member of it. Without one, it is the
    /// connected role.
    #[must_use]
    pub fn for_tables_of(mut self, creator: impl Into<String>) -> Self {
        self.creators.push(creator.into());
        self
    }

    /// The statements, for the database of the grant.
    ///
    /// # Errors
    ///
    /// [`AdminError::InvalidName`].
    pub fn plan(&self) -> Result<Plan, AdminError> {
        let (role, schema) = (role_identifier(&self.role)?, identifier(&self.schema)?);
        let database = identifier(&self.database)?;
        let rights = self.level.rights();
        let (tables, sequences) = (rights.tables.words, rights.sequences.words);
        let mut statements = vec![
            format!("GRANT {} ON DATABASE {database} TO {role}", rights.database.words),
            format!("GRANT {} ON SCHEMA {schema} TO {role}", rights.schema.words),
            format!("GRANT {tables} ON ALL TABLES IN SCHEMA {schema} TO {role}"),
            format!("GRANT {sequences} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"),
        ];
        for creator in self.creator_clauses()? {
            let alter = format!("ALTER DEFAULT PRIVILEGES {creator}IN SCHEMA {schema} GRANT");
            statements.push(format!("{alter} {tables} ON TABLES TO {role}"));
            statements.push(format!("{alter} {sequences} ON SEQUENCES TO {role}"));
        }
        Ok(Plan::new(&self.database, statements))
    }

    fn creator_clauses(&self) -> Result<Vec<String>, AdminError> {
        if self.creators.is_empty() {
            return Ok(vec![String::new()]);
        }
        let clause = |creator: &String| Ok(format!("FOR ROLE {} ", role_identifier(creator)?));
        self.creators.iter().map(clause).collect()
    }

    pub(super) fn role(&self) -> &str {
        &self.role
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    pub(super) fn schema_name(&self) -> &str {
        &self.schema
    }

    /// Whether it is for what this role will create, when the connected role makes the grant.
    pub(super) fn covers_tables_of(&self, creator: &str, connected: &str) -> bool {
        if self.creators.is_empty() {
            creator == connected
        } else {
            self.creators.iter().any(|named| named == creator)
        }
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_gets_what_service_connector_grants_and_later_tables() {
        let plan = Grant::new("aad_orders", "orders", Level::Owner).plan().unwrap();
        assert_eq!(plan.database(), "orders");
        assert_eq!(
            plan.statements(),
            [
                r#"GRANT ALL PRIVILEGES ON DATABASE "orders" TO "aad_orders""#,
                r#"GRANT ALL PRIVILEGES ON SCHEMA "public" TO "aad_orders""#,
                r#"GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA "public" TO "aad_orders""#,
                r#"GRANT ALL PRIVILEGES ON ALL SEQUENCES IN SCHEMA "public" TO "aad_orders""#,
                r#"ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT ALL PRIVILEGES ON TABLES TO "aad_orders""#,
                r#"ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT ALL PRIVILEGES ON SEQUENCES TO "aad_orders""#,
            ]
        );
    }

    #[test]
    fn later_tables_may_be_those_of_several_roles() {
        let grant = Grant::new("r", "d", Level::Read).for_tables_of("a").for_tables_of("b \"c\"");
        let plan = grant.plan().unwrap();
        let defaults = &plan.statements()[4..];
        assert_eq!(defaults.len(), 4);
        assert_eq!(
            defaults[2],
            r#"ALTER DEFAULT PRIVILEGES FOR ROLE "b ""c""" IN SCHEMA "public" GRANT SELECT ON TABLES TO "r""#
        );
    }

    #[test]
    fn a_role_that_stands_for_everyone_is_refused_and_a_schema_of_that_name_is_not() {
        for name in ["public", "none"] {
            for grant in [
                Grant::new(name, "d", Level::Read),
                Grant::new("r", "d", Level::Read).for_tables_of(name),
            ] {
                assert!(matches!(grant.plan(), Err(AdminError::InvalidName { .. })), "{grant:?}");
            }
            assert!(Grant::new("r", name, Level::Read).schema(name).plan().is_ok());
        }
    }

    #[test]
    fn every_name_is_checked() {
        let long = "x".repeat(64);
        let grants = [
            Grant::new(&*long, "d", Level::Read),
            Grant::new("r", &*long, Level::Read),
            Grant::new("r", "d", Level::Read).schema(&*long),
            Grant::new("r", "d", Level::Read).for_tables_of(&*long),
        ];
        for grant in grants {
            assert!(matches!(grant.plan(), Err(AdminError::InvalidName { .. })), "{grant:?}");
        }
    }
}
