//! Which role belongs to which principal: one security label a role, which the functions of
//! `pgaadauth` write and logins are judged by.

use tokio_postgres::{Error, Row, error::SqlState, types::ToSql};

use super::super::{
    PrincipalType,
    cluster::Cluster,
    principals::{ADMINISTRATOR, APPLICATIONS, Principal, TENANT_ID},
};

const PGAADAUTH: &str = include_str!("pgaadauth.sql");

/// Whom a role belongs to. The server compares object ids, never names
/// ([documentation](https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleMapping {
    pub(crate) object_id: String,
    pub(crate) principal_type: PrincipalType,
}

/// The roles of a cluster and its tenant.
pub(crate) struct Roles<'a>(pub(crate) &'a Cluster);

impl Roles<'_> {
    /// Adds the functions, the tenant's own principals and the administrator's role.
    pub(crate) async fn install(&self) -> Result<(), Error> {
        let client = self.0.administration().await?;
        client.batch_execute(&PGAADAUTH.replace("{tenant}", TENANT_ID)).await?;
        for principal in APPLICATIONS.into_iter().chain([&ADMINISTRATOR]) {
            self.know(principal.name, principal.object_id, principal.kind).await?;
        }
        self.create(ADMINISTRATOR.role, &ADMINISTRATOR, true).await
    }

    /// Adds a name to those that the tenant knows, or gives it to another object.
    pub(crate) async fn know(
        &self,
        name: &str,
        object_id: &str,
        principal_type: PrincipalType,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO local_azure.tenant VALUES ($1, $2, $3) ON CONFLICT (name) \
                   DO UPDATE SET object_id = excluded.object_id, type = excluded.type";
        self.query(sql, &[&name, &object_id, &principal_type.as_str()]).await.map(drop)
    }

    /// Creates the role of a principal.
    pub(crate) async fn create(
        &self,
        role: &str,
        principal: &Principal,
        is_admin: bool,
    ) -> Result<(), Error> {
        let sql = "SELECT local_azure.create_role($1, $2, $3, $4, false)";
        let values: [&(dyn ToSql + Sync); 4] =
            [&role, &principal.object_id, &principal.kind.as_str(), &is_admin];
        self.query(sql, &values).await.map(drop)
    }

    /// Labels a role that exists, or removes its label.
    pub(crate) async fn set_mapping(
        &self,
        role: &str,
        mapping: Option<&RoleMapping>,
    ) -> Result<(), Error> {
        let label = mapping.map(RoleMapping::label);
        self.query("SELECT local_azure.set_label($1, $2)", &[&role, &label]).await.map(drop)
    }

    /// Whom a role belongs to, if it is labelled.
    pub(crate) async fn mapping(&self, role: &str) -> Result<Option<RoleMapping>, Error> {
        let sql = "SELECT label FROM pg_shseclabel JOIN pg_roles ON oid = objoid \
                   WHERE provider = 'pgaadauth' AND rolname = $1";
        let rows = self.query(sql, &[&role]).await?;
        Ok(rows.first().and_then(|row| RoleMapping::of_label(row.get(0))))
    }

    /// Runs a statement that may be run twice.
    async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let client = self.0.administration().await?;
        match client.query(sql, values).await {
            // The kept connection ends with all others, and may not know it yet.
            Err(error) if is_disconnected(&error) => {
                self.0.new_administration().await?.query(sql, values).await
            }
            result => result,
        }
    }
}

fn is_disconnected(error: &Error) -> bool {
    error.code().is_none_or(|code| *code == SqlState::ADMIN_SHUTDOWN)
}

impl RoleMapping {
    fn label(&self) -> String {
        format!("aadauth,oid={},type={}", self.object_id, self.principal_type)
    }

    fn of_label(label: &str) -> Option<Self> {
        let part = |name: &str| label.split(',').find_map(|part| part.strip_prefix(name));
        let object_id = part("oid=")?.to_owned();
        Some(Self { object_id, principal_type: part("type=")?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_the_object_and_its_type() {
        let mapping =
            RoleMapping { object_id: "a-1".to_owned(), principal_type: PrincipalType::Group };
        assert_eq!(mapping.label(), "aadauth,oid=a-1,type=group");
        assert_eq!(RoleMapping::of_label("aadauth,oid=a-1,type=group,admin,mfa"), Some(mapping));
        for label in ["aadauth", "aadauth,oid=a-1", "aadauth,oid=a-1,type=robot"] {
            assert_eq!(RoleMapping::of_label(label), None);
        }
    }
}
