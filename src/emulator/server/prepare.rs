//! What a new server has.

use super::{
    super::{
        EmulatorError,
        cluster::{Cluster, SUPERUSER},
        principals::{APPLICATIONS, PASSWORD_ROLE, USER},
    },
    roles::Roles,
};

/// What is asked for on a new server.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// The name of the application's database.
    pub(crate) database: String,
    pub(crate) has_application_roles: bool,
    pub(crate) may_create_tables: bool,
}

/// Creates the administrator, the database, which belongs to the administrators, and the roles of the
/// applications.
pub(crate) async fn prepare(cluster: &Cluster, contents: &Contents) -> Result<(), EmulatorError> {
    let database = &*contents.database;
    let roles = Roles(cluster);
    roles.install().await.map_err(EmulatorError::Sql)?;
    let create = format!("CREATE DATABASE \"{database}\" OWNER azure_pg_admin");
    cluster.execute(SUPERUSER, &create).await?;
    cluster.execute(database, &format!("CREATE ROLE \"{PASSWORD_ROLE}\" LOGIN")).await?;
    let mut users = vec![PASSWORD_ROLE];
    if contents.has_application_roles {
        // One more is named after its identity, for logins that take the user from the token.
        let named = APPLICATIONS.iter().map(|principal| (principal.role, *principal));
        for (role, principal) in named.chain([(USER.name, &USER)]) {
            roles.create(role, principal, false).await.map_err(EmulatorError::Sql)?;
            users.push(role);
        }
    }
    cluster.execute(database, &initial_grants(database, &users, contents.may_create_tables)).await
}

/// What Service Connector grants on a new database
/// ([documentation](https://learn.microsoft.com/azure/service-connector/how-to-integrate-postgres)). There
/// are no tables yet for which it would grant more.
fn initial_grants(database: &str, roles: &[&str], may_create_tables: bool) -> String {
    let roles = format!("\"{}\"", roles.join("\", \""));
    let mut grants = format!("GRANT ALL PRIVILEGES ON DATABASE \"{database}\" TO {roles};");
    if may_create_tables {
        grants += &format!("GRANT CREATE, USAGE ON SCHEMA public TO {roles};");
    }
    grants
}
