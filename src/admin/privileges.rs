use std::{collections::BTreeMap, fmt};

use tokio_postgres::{Client, Row, Transaction};

use super::{
    AdminError,
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
    /// Where an access control list is empty, the owner has everything.
    const SQL: &str = "\
        SELECT 'database', NULL::text, datname::text, privilege_type \
        FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) \
        WHERE datname = current_database() AND grantee = $1 \
        UNION ALL \
        SELECT 'schema', NULL, nspname, privilege_type \
        FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) \
        WHERE grantee = $1 \
        UNION ALL \
        SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, nspname, relname, privilege_type \
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, aclexplode(coalesce( \
            relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))) \
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND grantee = $1 \
        UNION ALL \
        SELECT CASE defaclobjtype WHEN 'S' THEN 'future sequence' ELSE 'future table' END, \
            nspname, pg_get_userbyid(defaclrole), privilege_type \
        FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace, aclexplode(defaclacl) \
        WHERE defaclobjtype IN ('r', 'S') AND grantee = $1 \
        ORDER BY 4";
    let session = Session::of(transaction).await?;
    let id = session.role_id(transaction, role).await?;
    let id = id.ok_or_else(|| AdminError::RoleMissing { role: role.to_owned() })?;
    let rows =
        transaction.query(SQL, &[&id]).await.map_err(AdminError::sql("read the privileges"))?;
    Ok(grouped(&rows))
}

/// One entry an object, from one row a privilege.
fn grouped(rows: &[Row]) -> Vec<Privilege> {
    let mut objects = BTreeMap::<_, Vec<String>>::new();
    for row in rows {
        let names = objects.entry(object(row)).or_default();
        let name: String = row.get(3);
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
