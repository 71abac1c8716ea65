//! What a choice of credential means for an identity.

use super::{Detected, of_identity, platform_identity};
#[cfg(feature = "azure-identity")]
use crate::source::DeveloperTools;
use crate::{
    cloud::Cloud,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind},
    identity::{Identity, UserAssignedId},
    source::{CredentialChoice, Imds},
};

/// `None` for a password. What the settings state of the credential that is asked for is used; else it is
/// made of the variables that the Azure SDKs read.
pub(super) fn detect(
    choice: CredentialChoice,
    identity: &Identity,
    cloud: Cloud,
    environment: &Environment,
) -> Result<Option<Detected>, ConfigError> {
    let of_settings = |identity: &Identity| of_identity(identity, cloud, environment);
    match (choice, identity) {
        (_, Identity::Password(_)) => Ok(None),
        (CredentialChoice::Production, _)
        | (CredentialChoice::Environment, Identity::ServicePrincipal { .. })
        | (CredentialChoice::WorkloadIdentity, Identity::WorkloadIdentity { .. }) => {
            of_settings(identity)
        }
        (CredentialChoice::Environment, _) => of_settings(&service_principal(environment)?),
        (CredentialChoice::WorkloadIdentity, _) => of_settings(&workload(environment)?),
        (CredentialChoice::ManagedIdentity, identity) => {
            let id = match identity {
                Identity::SystemAssigned => None,
                Identity::UserAssigned(id) => Some(id.clone()),
                _ => environment.get("AZURE_CLIENT_ID").map(|id| client_id(&id)),
            };
            platform_identity(id.as_ref(), environment, Imds::expected).map(Some)
        }
        (
            CredentialChoice::Development
            | CredentialChoice::AzureCli
            | CredentialChoice::AzureDeveloperCli,
            _,
        ) => developer_tools(choice).map(Some),
    }
}

fn client_id(value: &str) -> UserAssignedId {
    UserAssignedId::ClientId(value.trim().to_owned())
}

fn service_principal(environment: &Environment) -> Result<Identity, ConfigError> {
    let [tenant, client, secret] =
        needed(environment, ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"])?;
    Ok(Identity::service_principal(tenant.trim(), client.trim(), secret))
}

fn workload(environment: &Environment) -> Result<Identity, ConfigError> {
    let [tenant, client, file] =
        needed(environment, ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"])?;
    Ok(Identity::workload(tenant.trim(), client.trim(), file))
}

/// The values of variables without which the credential that was asked for can't be.
fn needed<const N: usize>(
    environment: &Environment,
    names: [&str; N],
) -> Result<[String; N], ConfigError> {
    if let Some(missing) = names.iter().find(|name| environment.get(name).is_none()) {
        let problem = format!("the credential that is asked for needs {missing}, which is not set");
        let fix = format!("set {}, or ask for another credential", names.join(", "));
        return Err(ConfigError::new(ConfigErrorKind::Missing, problem, fix));
    }
    Ok(names.map(|name| environment.get(name).unwrap_or_default()))
}

#[cfg(feature = "azure-identity")]
fn developer_tools(choice: CredentialChoice) -> Result<Detected, ConfigError> {
    let tools = match choice {
        CredentialChoice::AzureCli => DeveloperTools::azure_cli(),
        CredentialChoice::AzureDeveloperCli => DeveloperTools::azure_developer_cli(),
        _ => DeveloperTools::new(),
    };
    Ok(Detected::new(tools, ""))
}

#[cfg(not(feature = "azure-identity"))]
fn developer_tools(_choice: CredentialChoice) -> Result<Detected, ConfigError> {
    Err(ConfigError::new(
        ConfigErrorKind::Unsupported,
        "developer tools are asked for, and this build can't use them",
        "build with the feature `azure-identity` of postgres-entra, or ask for another credential",
    ))
}
