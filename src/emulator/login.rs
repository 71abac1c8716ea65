use super::principals::{
    ADMINISTRATOR, APPLICATION, ARC_MACHINE_ID, COMPUTE_ID, CONTAINER_GROUP_ID, MACHINE_ID, PERSON,
    Principal, SITE_ID, SYSTEM, USER, USER_ASSIGNED_ID, WORKLOAD,
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
    /// The same application through the token proxy of an AKS identity binding.
    IdentityBinding,
    /// The person who is signed in to Cloud Shell.
    CloudShell,
    /// A PostgreSQL role with a password, without any token.
    Password,
    /// The Microsoft Entra administrator of the server: the application of a deployment pipeline,
    /// with its client secret.
    Administrator,
}

/// The kinds of managed-identity endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// App Service, Functions and Container Apps: `IDENTITY_ENDPOINT`, `IDENTITY_HEADER`.
    AppService,
    /// App Service before 2019: `MSI_ENDPOINT`, `MSI_SECRET`, and times of expiry as a date.
    OlderAppService,
    /// Virtual machines, scale sets and AKS nodes: the Instance Metadata Service.
    VirtualMachine,
    /// Container Instances on Windows: `IDENTITY_ENDPOINT` with a version of its own. A user-assigned identity is
    /// named by its object id alone, which is no variable of Service Connector.
    ContainerInstances,
    /// A machine that is connected to Azure Arc: `IDENTITY_ENDPOINT`, `IMDS_ENDPOINT`. Clients look for the agent's
    /// challenge files in a fixed folder, so they have to be told of that of the local Azure, or it of theirs
    /// ([`LocalAzureBuilder::arc_tokens_folder`](super::LocalAzureBuilder::arc_tokens_folder)).
    AzureArc,
    /// Azure Machine Learning: `MSI_ENDPOINT`, `MSI_SECRET`.
    MachineLearning,
}

impl Platform {
    /// All platforms.
    pub const ALL: &'static [Self] = &[
        Self::AppService,
        Self::OlderAppService,
        Self::VirtualMachine,
        Self::ContainerInstances,
        Self::AzureArc,
        Self::MachineLearning,
    ];

    /// What has the system-assigned identity.
    fn resource_id(self) -> &'static str {
        match self {
            Self::AppService | Self::OlderAppService => SITE_ID,
            Self::VirtualMachine => MACHINE_ID,
            Self::ContainerInstances => CONTAINER_GROUP_ID,
            Self::AzureArc => ARC_MACHINE_ID,
            Self::MachineLearning => COMPUTE_ID,
        }
    }
}

impl Login {
    /// Every login for which the variables are enough: all but those of [`Platform::AzureArc`] and the user-assigned
    /// one of [`Platform::ContainerInstances`].
    pub const ALL: &'static [Self] = &[
        Self::SystemAssigned(Platform::AppService),
        Self::SystemAssigned(Platform::OlderAppService),
        Self::SystemAssigned(Platform::VirtualMachine),
        Self::SystemAssigned(Platform::ContainerInstances),
        Self::SystemAssigned(Platform::MachineLearning),
        Self::UserAssigned(Platform::AppService),
        Self::UserAssigned(Platform::OlderAppService),
        Self::UserAssigned(Platform::VirtualMachine),
        Self::UserAssigned(Platform::MachineLearning),
        Self::ServicePrincipal,
        Self::WorkloadIdentity,
        Self::IdentityBinding,
        Self::CloudShell,
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
            Self::SystemAssigned(platform) => Some(platform.resource_id()),
            Self::UserAssigned(_) => Some(USER_ASSIGNED_ID),
            _ => None,
        }
    }

    /// The principal whose token is used, if one is.
    pub(crate) fn principal(self) -> Option<&'static Principal> {
        match self {
            Self::SystemAssigned(_) => Some(&SYSTEM),
            Self::UserAssigned(_) => Some(&USER),
            Self::ServicePrincipal => Some(&APPLICATION),
            Self::WorkloadIdentity | Self::IdentityBinding => Some(&WORKLOAD),
            Self::CloudShell => Some(&PERSON),
            Self::Administrator => Some(&ADMINISTRATOR),
            Self::Password => None,
        }
    }

    /// Whether it is a managed identity, whose tokens live longer and are cached by the platform.
    pub(crate) fn is_managed(self) -> bool {
        matches!(self, Self::SystemAssigned(_) | Self::UserAssigned(_))
    }

    /// Whether it is an application that proves itself with a client secret.
    pub(crate) fn has_client_secret(self) -> bool {
        matches!(self, Self::ServicePrincipal | Self::Administrator)
    }
}
