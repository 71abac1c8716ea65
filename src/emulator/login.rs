use super::principals::{
    ADMINISTRATOR, APPLICATION, MACHINE_ID, Principal, SITE_ID, SYSTEM, USER, USER_ASSIGNED_ID,
    WORKLOAD,
};

/// Who logs in, and on what kind of platform the application believes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Login {
    /// The system-assigned managed identity.
    SystemAssigned(Platform),
    /// The user-assigned managed identity.
    UserAssigned(Platform),
    /// The application registration, with its client secret.
    ServicePrincipal,
    /// The application that is federated with a Kubernetes service account.
    WorkloadIdentity,
    /// A PostgreSQL role with a password, without any token.
    Password,
    /// The Microsoft Entra administrator of the server: the application of a deployment pipeline,
    /// with its client secret.
    Administrator,
}

/// The two kinds of managed-identity endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// App Service, Functions and Container Apps: `IDENTITY_ENDPOINT`.
    AppService,
    /// Virtual machines, scale sets and AKS nodes: the Instance Metadata Service.
    VirtualMachine,
}

impl Platform {
    /// Both platforms.
    pub const ALL: &'static [Self] = &[Self::AppService, Self::VirtualMachine];
}

impl Login {
    /// Every login that the local Azure knows.
    pub const ALL: &'static [Self] = &[
        Self::SystemAssigned(Platform::AppService),
        Self::SystemAssigned(Platform::VirtualMachine),
        Self::UserAssigned(Platform::AppService),
        Self::UserAssigned(Platform::VirtualMachine),
        Self::ServicePrincipal,
        Self::WorkloadIdentity,
        Self::Password,
        Self::Administrator,
    ];

    /// The object (principal) id: what the server maps roles by. `None` for a password.
    pub fn object_id(self) -> Option<&'static str> {
        self.principal().map(|principal| principal.object_id)
    }

    /// The client (application) id. `None` for a password.
    pub fn client_id(self) -> Option<&'static str> {
        self.principal().map(|principal| principal.client_id)
    }

    /// The Azure resource id that tokens carry as `xms_mirid`: of the user-assigned identity itself,
    /// or of the resource that has the system-assigned one. `None` for the other logins.
    pub fn resource_id(self) -> Option<&'static str> {
        match self {
            Self::SystemAssigned(Platform::AppService) => Some(SITE_ID),
            Self::SystemAssigned(Platform::VirtualMachine) => Some(MACHINE_ID),
            Self::UserAssigned(_) => Some(USER_ASSIGNED_ID),
            Self::ServicePrincipal
            | Self::WorkloadIdentity
            | Self::Password
            | Self::Administrator => None,
        }
    }

    /// The principal whose token is used, if one is.
    pub(crate) fn principal(self) -> Option<&'static Principal> {
        match self {
            Self::SystemAssigned(_) => Some(&SYSTEM),
            Self::UserAssigned(_) => Some(&USER),
            Self::ServicePrincipal => Some(&APPLICATION),
            Self::WorkloadIdentity => Some(&WORKLOAD),
            Self::Administrator => Some(&ADMINISTRATOR),
            Self::Password => None,
        }
    }

    /// Whether it is an application that proves itself with a client secret.
    pub(crate) fn has_client_secret(self) -> bool {
        matches!(self, Self::ServicePrincipal | Self::Administrator)
    }
}
