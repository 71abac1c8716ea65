use std::{collections::BTreeMap, fmt};

use tokio_postgres::{Client, Row, Transaction};

use super::{
    AdminError, Grant,
    plan::{begin_reading, commit},
    quote::check_role,
    session::Session,
};

/// A thing that privileges are for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Object {
    /// The connected database.
    Database(String),
    /// A schema.
    Schema(String),
    /// A table, view, materialised view or foreign table.
    Table {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// A sequence.
    Sequence {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// Tables that will be created: default privileges.
    FutureTables {
        /// Their schema; `None` for all.
        schema: Option<String>,
        /// The role that creates them.
        creator: String,
    },
    /// Sequences that will be created: default privileges.
    FutureSequences {
        /// Their schema; `None` for all.
        schema: Option<String>,
        /// The role that creates them.
        creator: String,
    },
}

/// What a role may do with one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Privilege {
    /// The object.
    pub object: Object,
    /// The names of the privileges, such as `SELECT`, in alphabetical order.
    pub names: Vec<String>,
}

impl Object {
    /// Whether it is what will be created.
    pub(super) fn is_later(&self) -> bool {
        matches!(self, Self::FutureTables { .. } | Self::FutureSequences { .. })
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let later = |f: &mut fmt::Formatter<'_>, what, schema: &Option<String>, creator| {
            let schema = schema.as_ref().map(|schema| format!(" in schema {schema}"));
            write!(f, "{what} that {creator} will create{}", schema.unwrap_or_default())
        };
        match self {
            Self::Database(name) => write!(f, "database {name}"),
            Self::Schema(name) => write!(f, "schema {name}"),
            Self::Table { schema, name } => write!(f, "table {schema}.{name}"),
            Self::Sequence { schema, name } => write!(f, "sequence {schema}.{name}"),
            Self::FutureTables { schema, creator } => later(f, "tables", schema, creator),
            Self::FutureSequences { schema, creator } => later(f, "sequences", schema, creator),
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.names.join(", "), self.object)
    }
}

/// What a role has in the connected database: granted to it by name, or as an owner. What it has as a
/// member of another role, or because everyone has it (`PUBLIC`), is not listed.
///
/// Needs no special rights.
///
/// # Errors
///
/// [`AdminError::RoleMissing`], [`AdminError::InvalidName`].
pub async fn privileges(client: &mut Client, role: &str) -> Result<Vec<Privilege>, AdminError> {
    check_role(role)?;
    let transaction = begin_reading(client).await?;
    let privileges = privileges_of(&transaction, role).await?;
    commit(transaction).await?;
    Ok(privileges)
}

pub(super) async fn privileges_of(
    transaction: &Transaction<'_>,
    role: &str,
) -> Result<Vec<Privilege>, AdminError> {
    let session = Session::of(transaction).await?;
    let id = session.role_id(transaction, role).await?;
    let id = id.ok_or_else(|| AdminError::RoleMissing { role: role.to_owned() })?;
    Ok(grouped(held_by(transaction, id).await?))
}

/// One privilege on one object, and why the role has it.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) object: Object,
    name: String,
    grantor: String,
    /// Whether the role owns the object, and would have to take the privilege from itself.
    is_owner: bool,
}

impl Held {
    /// Whether it is what this grant gives, when it is made by the connected role.
    pub(super) fn is_of(&self, grant: &Grant, connected: &str) -> bool {
        let rights = grant.level().rights();
        let place = grant.schema_name();
        let later = |schema: &Option<String>, creator| {
            schema.as_deref() == Some(place) && grant.covers_tables_of(creator, connected)
        };
        let (is_there, privileges) = match &self.object {
            Object::Database(_) => (true, &rights.database),
            Object::Schema(name) => (name == place, &rights.schema),
            Object::Table { schema, .. } => (schema == place, &rights.tables),
            Object::Sequence { schema, .. } => (schema == place, &rights.sequences),
            Object::FutureTables { schema, creator } => (later(schema, creator), &rights.tables),
            Object::FutureSequences { schema, creator } => {
                (later(schema, creator), &rights.sequences)
            }
        };
        !self.is_owner && is_there && privileges.include(&self.name)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, granted by {}", self.name, self.object, self.grantor)
    }
}

pub(super) async fn held_by(
    transaction: &Transaction<'_>,
    role: u32,
) -> Result<Vec<Held>, AdminError> {
    /// Where an access control list is empty, the owner has everything.
    const SQL: &str = "\
        WITH held (kind, schema, object, owner, acl) AS ( \
            SELECT 'database', NULL::text, datname::text, datdba, \
                coalesce(datacl, acldefault('d', datdba)) \
            FROM pg_database WHERE datname = current_database() \
            UNION ALL \
            SELECT 'schema', NULL, nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) \
            FROM pg_namespace \
            UNION ALL \
            SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, nspname, relname, relowner, \
                coalesce(relacl, \
                    acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner)) \
            FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
            WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
            UNION ALL \
            SELECT CASE defaclobjtype WHEN 'S' THEN 'future sequence' ELSE 'future table' END, \
                nspname, pg_get_userbyid(defaclrole), 0, defaclacl \
            FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace \
            WHERE defaclobjtype IN ('r', 'S')) \
        SELECT kind, schema, object, privilege_type, pg_get_userbyid(grantor)::text, owner = $1 \
        FROM held, aclexplode(acl) WHERE grantee = $1 ORDER BY privilege_type";
    let rows =
        transaction.query(SQL, &[&role]).await.map_err(AdminError::sql("read the privileges"))?;
    Ok(rows.iter().map(held).collect())
}

fn held(row: &Row) -> Held {
    Held { object: object(row), name: row.get(3), grantor: row.get(4), is_owner: row.get(5) }
}

/// One entry an object.
pub(super) fn grouped(held: Vec<Held>) -> Vec<Privilege> {
    let mut objects = BTreeMap::<_, Vec<String>>::new();
    for Held { object, name, .. } in held {
        let names = objects.entry(object).or_default();
        // Several roles may have granted the same.
        if !names.contains(&name) {
            names.push(name);
        }
    }
    objects.into_iter().map(|(object, names)| Privilege { object, names }).collect()
}

fn object(row: &Row) -> Object {
    let (schema, name) = (row.get::<_, Option<String>>(1), row.get(2));
    match row.get(0) {
        "database" => Object::Database(name),
        "schema" => Object::Schema(name),
        "future table" => Object::FutureTables { schema, creator: name },
        "future sequence" => Object::FutureSequences { schema, creator: name },
        "sequence" => Object::Sequence { schema: schema.unwrap_or_default(), name },
        _ => Object::Table { schema: schema.unwrap_or_default(), name },
    }
}
