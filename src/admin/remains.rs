//! What keeps a role from being dropped.

use std::{collections::BTreeMap, fmt};

use tokio_postgres::{Row, Transaction};

use super::{AdminError, Plan, principal::ADMIN_DATABASE, quote::literal};

/// What a role owns or may do, in one database or in none, which keeps it from being dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remains {
    /// The database; `None` for what belongs to the whole server, such as databases themselves.
    pub database: Option<String>,
    /// What it is: by name in the connected database and on the whole server, else counted.
    pub what: Vec<String>,
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.database {
            Some(database) => write!(f, "in the database {database:?}: ")?,
            None => f.write_str("on the server: ")?,
        }
        f.write_str(&self.what.join(", "))
    }
}

/// Everything that is in the way of dropping a role, and what it takes to remove it.
pub(super) struct InTheWay {
    pub(super) remains: Vec<Remains>,
    /// Whether all of it may be temporary: of kinds that a session may create for itself, in databases
    /// where the role has one. From here nobody can see more of another database.
    pub(super) may_be_temporary: bool,
    /// Whether the role may open sessions.
    pub(super) may_log_in: bool,
    /// The statement that gives the connected role the rights of the other one, if it lacks them.
    joining: Option<String>,
}

pub(super) async fn in_the_way(
    transaction: &Transaction<'_>,
    role: u32,
) -> Result<InTheWay, AdminError> {
    /// In the words of `DROP ROLE`. A name can be read in the connected database alone.
    const SQL: &str = "\
        SELECT datname::text, concat(CASE deptype WHEN 'o' THEN 'owner of ' WHEN 'r' THEN 'target of ' \
                ELSE 'privileges for ' END, \
            CASE WHEN dbid = 0 OR datname = current_database() \
                THEN pg_describe_object(classid, objid, objsubid) END), \
            classid::regclass::text, \
            deptype = 'o' AND classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass) \
                AND EXISTS (SELECT FROM pg_stat_activity WHERE usesysid = $1 AND datid = dbid) \
        FROM pg_shdepend LEFT JOIN pg_database d ON d.oid = dbid \
        WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1 \
        ORDER BY 1 NULLS FIRST, 2";
    const JOINING: &str = "\
        SELECT format('GRANT %I TO CURRENT_USER%s', rolname, \
            CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE' END) \
        FROM pg_roles WHERE oid = $1 AND NOT pg_has_role($1::oid, 'USAGE')";
    let failed = || AdminError::sql("ask what the role has");
    let rows = transaction.query(SQL, &[&role]).await.map_err(failed())?;
    let may_log_in = "SELECT rolcanlogin FROM pg_roles WHERE oid = $1";
    let may_log_in = transaction.query_one(may_log_in, &[&role]).await.map_err(failed())?;
    let joining = transaction.query_opt(JOINING, &[&role]).await.map_err(failed())?;
    Ok(InTheWay {
        remains: by_database(&rows),
        may_be_temporary: rows.iter().all(|row| row.get(3)),
        may_log_in: may_log_in.get(0),
        joining: joining.map(|row| row.get(0)),
    })
}

/// Named where the names are known, else counted by kind.
fn by_database(rows: &[Row]) -> Vec<Remains> {
    let mut databases = BTreeMap::<Option<String>, BTreeMap<String, usize>>::new();
    for row in rows {
        let (what, class): (String, String) = (row.get(1), row.get(2));
        let is_named = !what.ends_with("of ") && !what.ends_with("for ");
        let what = if is_named { what } else { format!("{what}{}", kind(&class)) };
        *databases.entry(row.get(0)).or_default().entry(what).or_default() += 1;
    }
    let counted = |(what, number): (String, usize)| match number {
        1 => what,
        _ => format!("{what} ({number} times)"),
    };
    let of_database = |(database, what): (_, BTreeMap<_, _>)| Remains {
        database,
        what: what.into_iter().map(counted).collect(),
    };
    databases.into_iter().map(of_database).collect()
}

/// What a system catalogue lists.
fn kind(class: &str) -> &str {
    match class {
        "pg_class" => "a table, sequence or view",
        "pg_proc" => "a function or procedure",
        "pg_namespace" => "a schema",
        "pg_type" => "a type",
        "pg_default_acl" => "default privileges",
        "pg_policy" => "a policy",
        "pg_largeobject" => "a large object",
        other => other,
    }
}

impl InTheWay {
    /// What an administrator may decide to run before the role can be dropped, in this order, each in its
    /// database and committed before the next. Without new and open sessions nothing of the role's can
    /// change between the statements.
    pub(super) fn removal(&self, role: &str, name: &str) -> Vec<Plan> {
        let closing = [format!("ALTER ROLE {name} NOLOGIN"), ending_sessions(role)];
        let closing = closing.map(|statement| Plan::new(ADMIN_DATABASE, vec![statement]));
        let mut plans = Vec::from(closing);
        let mut databases: Vec<_> =
            self.remains.iter().filter_map(|remains| remains.database.as_deref()).collect();
        if databases.is_empty() {
            databases.push(ADMIN_DATABASE);
        }
        let statements = || {
            let handing_over = format!("REASSIGN OWNED BY {name} TO CURRENT_USER");
            let dropping = format!("DROP OWNED BY {name}");
            self.joining.iter().cloned().chain([handing_over, dropping]).collect()
        };
        plans.extend(databases.into_iter().map(|database| Plan::new(database, statements())));
        plans
    }
}

/// The statement that ends the sessions of a role, each within 10 s.
pub(super) fn ending_sessions(role: &str) -> String {
    format!(
        "SELECT pg_catalog.pg_terminate_backend(pid, 10000) FROM pg_catalog.pg_stat_activity \
         WHERE usename OPERATOR(pg_catalog.=) {}",
        literal(role)
    )
}
