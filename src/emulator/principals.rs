//! The identities of the local tenant.

use super::PrincipalType;

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
pub(crate) const CONTAINER_GROUP_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.ContainerInstance/containerGroups/orders-containers";
pub(crate) const ARC_MACHINE_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.HybridCompute/machines/orders-machine";
pub(crate) const COMPUTE_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.MachineLearningServices/workspaces/orders/computes/orders-cluster";
pub(crate) const USER_ASSIGNED_ID: &str = "/subscriptions/5b1c7e0d-2f43-4a96-8d57-61f0c3b2a9e4/resourcegroups/orders/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders-identity";

/// A principal of the tenant: a managed identity, an application or a person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Its display name in the tenant.
    pub(crate) name: &'static str,
    pub(crate) object_id: &'static str,
    pub(crate) client_id: &'static str,
    /// The role that it logs in as.
    pub(crate) role: &'static str,
    pub(crate) kind: PrincipalType,
}

pub(crate) const SYSTEM: Principal = Principal {
    name: "orders-app",
    object_id: "a17d3f52-84c9-4e0b-b6d1-f2953c7e8a01",
    client_id: "c2b86e14-5d07-4f3a-9ac8-731e0f4d6b02",
    role: "aad_system",
    kind: PrincipalType::Service,
};

pub(crate) const USER: Principal = Principal {
    name: "orders-identity",
    object_id: "b98e4a63-1f5c-4d72-8e30-4c6a7d9b0f03",
    client_id: "d4f17c25-6e98-4ba0-bf73-825a1c3e9d04",
    role: "aad_user",
    kind: PrincipalType::Service,
};

pub(crate) const APPLICATION: Principal = Principal {
    name: "orders-api",
    object_id: "e60c5b74-3a2d-4c81-9f46-5d8b1e0a7c05",
    client_id: "f8a29d36-7b1e-4d5c-8a09-936b2d4f0e06",
    role: "aad_app",
    kind: PrincipalType::Service,
};

pub(crate) const WORKLOAD: Principal = Principal {
    name: "orders-workload",
    object_id: "07f36c85-4b9e-4a13-b257-6e9c2f1d8b07",
    client_id: "19b4ae47-8c6f-4f2e-9d18-a47c3e5a1f08",
    role: "aad_workload",
    kind: PrincipalType::Service,
};

/// The application of a deployment pipeline, whose role has its own name as Azure gives it.
pub(crate) const ADMINISTRATOR: Principal = Principal {
    name: "orders-deployment",
    object_id: "2a05bf58-9d70-4c3e-8ea9-b58d4f6b2009",
    client_id: "3bc6d069-0e81-4d4f-9fba-c69e5a7c310a",
    role: "orders-deployment",
    kind: PrincipalType::Service,
};

/// Somebody who is signed in to Cloud Shell, whose tokens are issued to the Azure CLI.
pub(crate) const PERSON: Principal = Principal {
    name: "ada@contoso.onmicrosoft.com",
    object_id: "4cd7e17a-1f92-4e50-80cb-d7af6b8d420b",
    client_id: "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    role: "ada@contoso.onmicrosoft.com",
    kind: PrincipalType::User,
};

/// The principals that log in to the application's database.
pub(crate) const APPLICATIONS: [&Principal; 5] = [&SYSTEM, &USER, &APPLICATION, &WORKLOAD, &PERSON];
