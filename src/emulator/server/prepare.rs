//! What a new server has.

use super::{
    super::{
        EmulatorError,
        cluster::{Cluster, SUPERUSER},
        principals::{APPLICATIONS, PASSWORD_ROLE, USER},
    },
    roles::Roles,
};

/// Creates the administrator, the database, which belongs to the administrators, and the roles of the
/// applications.
pub(crate) async fn prepare(
    cluster: &Cluster,
    database: &str,
    has_application_roles: bool,
) -> Result<(), EmulatorError> {
    let roles = Roles(cluster);
    roles.install().await.map_err(EmulatorError::Sql)?;
    let create = format!("CREATE DATABASE \"{database}\" OWNER azure_pg_admin");
    cluster.execute(SUPERUSER, &create).await?;
    cluster.execute(database, &format!("CREATE ROLE \"{PASSWORD_ROLE}\" LOGIN")).await?;
    let mut users = vec![PASSWORD_ROLE];
    if has_application_roles {
        // One more is named after its identity, for logins that take the user from the token.
        let named = APPLICATIONS.iter().map(|principal| (principal.role, *principal));
        for (role, principal) in named.chain([(USER.name, &USER)]) {
            roles.create(role, principal, false).await.map_err(EmulatorError::Sql)?;
            users.push(role);
        }
    }
    cluster.execute(database, &initial_grants(database, &users)).await
}

/// What lets roles use all of the database and create in the schema `public`.
fn initial_grants(database: &str, roles: &[&str]) -> String {
    let roles = format!("\"{}\"", roles.join("\", \""));
    format!(
        "GRANT ALL PRIVILEGES ON DATABASE \"{database}\" TO {roles}; \
         GRANT CREATE, USAGE ON SCHEMA public TO {roles};"
    )
}
