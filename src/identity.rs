//! Who logs in.

use std::path::PathBuf;

use crate::secret::Secret;

/// The identity that an application logs in with, as its settings describe it.
///
/// Service Connector states it through the variables of a connection
/// ([documentation](https://learn.microsoft.com/azure/service-connector/how-to-integrate-postgres)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// The system-assigned managed identity of the App Service, container, virtual machine.
    SystemAssigned,
    /// A user-assigned managed identity.
    UserAssigned(UserAssignedId),
    /// An application registration with a client secret.
    #[non_exhaustive]
    ServicePrincipal {
        /// The tenant: a GUID or a domain name.
        tenant_id: String,
        /// The application (client) id.
        client_id: String,
        /// The client secret.
        client_secret: Secret,
    },
    /// A Kubernetes service account federated with an application or managed identity.
    #[non_exhaustive]
    WorkloadIdentity {
        /// The tenant: a GUID or a domain name.
        tenant_id: String,
        /// The client id of the application or managed identity.
        client_id: String,
        /// The file that holds the service account token; Kubernetes rewrites it.
        token_file: PathBuf,
    },
    /// A PostgreSQL role with a password of its own: no token at all.
    Password(Secret),
}

impl Identity {
    /// A service principal that authenticates with a client secret.
    pub fn service_principal(
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        Self::ServicePrincipal {
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
        }
    }

    /// A workload identity whose federated token is in a file.
    pub fn workload(
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
        token_file: impl Into<PathBuf>,
    ) -> Self {
        Self::WorkloadIdentity {
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            token_file: token_file.into(),
        }
    }

    /// Whether this identity logs in with a token (all do, except a password).
    pub fn uses_token(&self) -> bool {
        !matches!(self, Self::Password(_))
    }
}

/// The three ways to name a user-assigned managed identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserAssignedId {
    /// The client id, a GUID.
    ClientId(String),
    /// The object (principal) id, a GUID.
    ObjectId(String),
    /// The Azure resource id, `/subscriptions/.../userAssignedIdentities/<name>`.
    ResourceId(String),
}

/// Whether a text is a tenant: a GUID or a domain name. It becomes a part of the token endpoint's path,
/// so it must not be able to change the rest of the URL.
pub(crate) fn is_tenant(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    text.bytes().any(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(allowed)
}
