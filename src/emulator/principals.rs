//! The identities of the local tenant, and which database role each may log in as.

use std::{collections::BTreeMap, sync::Mutex};

use super::lock;

/// The tenant that all identities of the local Azure belong to.
pub const TENANT_ID: &str = "3d5e1f90-7c24-4b8a-9e61-0a2b4c6d8e10";
/// The domain name of that tenant; token endpoints accept it in place of the id.
pub(crate) const TENANT_DOMAIN: &str = "contoso.onmicrosoft.com";

/// The role that logs in with a password of its own.
pub(crate) const PASSWORD_ROLE: &str = "pgappuser";
/// The subject of the Kubernetes service account that is federated with [`WORKLOAD`].
pub(crate) const SERVICE_ACCOUNT: &str = "system:serviceaccount:default:orders";

pub(crate) const SITE_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.Web/sites/orders-app";
pub(crate) const MACHINE_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.Compute/virtualMachines/orders-vm";
pub(crate) const USER_ASSIGNED_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders-identity";
/// The role named after the user-assigned identity, for logins that take the user from the token.
pub(crate) const USER_ASSIGNED_NAME: &str = "orders-identity";

/// A service principal of the tenant: a managed identity or an application.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) object_id: &'static str,
    pub(crate) client_id: &'static str,
    /// The role that Service Connector would have created for it (`aad_<connection name>`).
    pub(crate) role: &'static str,
}

pub(crate) const SYSTEM: Principal = Principal {
    object_id: "a17d3f52-84c9-4e0b-b6d1-f2953c7e8a01",
    client_id: "c2b86e14-5d07-4f3a-9ac8-731e0f4d6b02",
    role: "aad_system",
};

pub(crate) const USER: Principal = Principal {
    object_id: "b98e4a63-1f5c-4d72-8e30-4c6a7d9b0f03",
    client_id: "d4f17c25-6e98-4ba0-bf73-825a1c3e9d04",
    role: "aad_user",
};

pub(crate) const APPLICATION: Principal = Principal {
    object_id: "e60c5b74-3a2d-4c81-9f46-5d8b1e0a7c05",
    client_id: "f8a29d36-7b1e-4d5c-8a09-936b2d4f0e06",
    role: "aad_app",
};

pub(crate) const WORKLOAD: Principal = Principal {
    object_id: "07f36c85-4b9e-4a13-b257-6e9c2f1d8b07",
    client_id: "19b4ae47-8c6f-4f2e-9d18-a47c3e5a1f08",
    role: "aad_workload",
};

/// The type of principal that a role is mapped to, as `pgaadauth` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrincipalType {
    /// A person.
    User,
    /// A group whose members log in with their own tokens.
    Group,
    /// An application or a managed identity.
    Service,
}

/// Whom a role belongs to. The server compares object ids, never names
/// ([documentation](https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleMapping {
    pub(crate) object_id: String,
    pub(crate) kind: PrincipalType,
}

/// Which role belongs to which principal; may change while the server runs.
#[derive(Debug)]
pub(crate) struct Principals(Mutex<BTreeMap<String, RoleMapping>>);

impl Principals {
    /// The roles that exist from the start: one for each principal, and one more that is named
    /// after the user-assigned identity.
    pub(crate) fn of_tenant() -> Self {
        let principals = Self(Mutex::default());
        for principal in [&SYSTEM, &USER, &APPLICATION, &WORKLOAD] {
            principals.map(principal.role, principal.object_id, PrincipalType::Service);
        }
        principals.map(USER_ASSIGNED_NAME, USER.object_id, PrincipalType::Service);
        principals
    }

    pub(crate) fn map(&self, role: &str, object_id: &str, kind: PrincipalType) {
        let mapping = RoleMapping { object_id: object_id.to_owned(), kind };
        lock(&self.0).insert(role.to_owned(), mapping);
    }

    pub(crate) fn unmap(&self, role: &str) {
        lock(&self.0).remove(role);
    }

    pub(crate) fn mapping(&self, role: &str) -> Option<RoleMapping> {
        lock(&self.0).get(role).cloned()
    }

    pub(crate) fn roles(&self) -> Vec<String> {
        lock(&self.0).keys().cloned().collect()
    }
}
