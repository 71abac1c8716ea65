mod chosen;
mod platform;

use std::{fmt, sync::Arc};

use self::platform::Platform;
use super::{
    AppService, AzureArc, ClientSecret, CloudShell, ContainerInstances, CredentialChoice, Imds,
    MsiEndpoint, TokenSource, WorkloadIdentity, choice,
};
use crate::{
    cloud::Cloud,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind},
    identity::{Identity, UserAssignedId},
};

/// A source, and why it was chosen.
#[derive(Clone, Debug)]
pub struct Detected {
    source: Arc<dyn TokenSource>,
    reason: String,
}

impl Detected {
    /// The source.
    pub fn source(&self) -> &Arc<dyn TokenSource> {
        &self.source
    }

    /// Why it was chosen: one clause that names the variables that decided, without their values.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn new(source: impl TokenSource, reason: impl Into<String>) -> Self {
        Self { source: Arc::new(source), reason: reason.into() }
    }

    /// With a reason before its own.
    fn because(mut self, reason: String) -> Self {
        self.reason = match self.reason.as_str() {
            "" => reason,
            own => format!("{reason}, and {own}"),
        };
        self
    }
}

/// Chooses the source for an identity: `None` for a password, which needs no token.
///
/// Nothing is asked over the network and nothing is guessed. The first row that fits decides.
///
/// | identity | environment | source |
/// |---|---|---|
/// | service principal | | [`ClientSecret`] |
/// | workload identity | | [`WorkloadIdentity`], through `AZURE_KUBERNETES_TOKEN_PROXY` if that is set |
/// | managed, by `AZURE_CLIENT_ID` | `AZURE_TENANT_ID`, `AZURE_CLIENT_CERTIFICATE_PATH` | error: client certificate |
/// | managed | `IDENTITY_ENDPOINT` with `?api-version=`, `IDENTITY_HEADER` | [`ContainerInstances`] on Windows, by object id |
/// | managed | `IDENTITY_ENDPOINT`, `IDENTITY_HEADER`, `IDENTITY_SERVER_THUMBPRINT` | error: Service Fabric |
/// | managed | `IDENTITY_ENDPOINT`, `IDENTITY_HEADER` | [`AppService`] |
/// | managed | `IDENTITY_ENDPOINT`, `IMDS_ENDPOINT` | [`AzureArc`] |
/// | managed | `IDENTITY_ENDPOINT` alone | error: `IDENTITY_HEADER` is missing |
/// | managed | `MSI_ENDPOINT`, `MSI_SECRET` | [`MsiEndpoint`] |
/// | system-assigned | `MSI_ENDPOINT` | [`CloudShell`] |
/// | user-assigned | `MSI_ENDPOINT` | error: Cloud Shell has no such identities |
/// | managed | none of these, and the agent of Azure Arc is installed | [`AzureArc`] |
/// | managed | none of these, or `IDENTITY_HEADER` alone | [`Imds`], moved by `AZURE_POD_IDENTITY_AUTHORITY_HOST` |
///
/// `AZURE_AUTHORITY_HOST` moves Microsoft Entra ID for the first two kinds; without it, the cloud
/// decides.
///
/// `AZURE_TOKEN_CREDENTIALS` goes before all this, as in the Azure SDKs: see [`CredentialChoice`]. Unset, the
/// table decides, and developer tools are not chosen. It does nothing against a password.
///
/// ```
/// use postgres_entra::{Cloud, Environment, Identity, source::detect};
///
/// let environment = Environment::from_vars([
///     ("IDENTITY_ENDPOINT", "http://localhost:42356/msi/token"),
///     ("IDENTITY_HEADER", "a value that the platform rotates"),
/// ]);
/// let detected = detect(&Identity::SystemAssigned, Cloud::Public, &environment)?.unwrap();
/// assert_eq!(detected.source().name(), "App Service");
/// assert_eq!(detected.reason(), "IDENTITY_ENDPOINT and IDENTITY_HEADER are set");
/// # Ok::<(), postgres_entra::ConfigError>(())
/// ```
///
/// # Errors
///
/// [`ConfigError`] for the rows that say so, with what to use in its place, for an address or a tenant
/// that can't be one, and for an `AZURE_TOKEN_CREDENTIALS` that names no supported credential or one whose
/// variables are missing.
pub fn detect(
    identity: &Identity,
    cloud: Cloud,
    environment: &Environment,
) -> Result<Option<Detected>, ConfigError> {
    if matches!(identity, Identity::Password(_)) {
        return Ok(None);
    }
    let asked = CredentialChoice::from_environment(environment)?;
    detect_as(identity, cloud, environment, asked.map(Asked::by_variable))
}

/// A choice, and who made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    choice: CredentialChoice,
    by: Chooser,
}

#[derive(Clone, Copy, Debug)]
enum Chooser {
    Variable,
    Builder,
}

impl Asked {
    fn by_variable(choice: CredentialChoice) -> Self {
        Self { choice, by: Chooser::Variable }
    }

    pub(crate) fn by_builder(choice: CredentialChoice) -> Self {
        Self { choice, by: Chooser::Builder }
    }
}

impl Chooser {
    /// Names the variable that made the choice, unless the error names another.
    fn blamed_for(self, error: ConfigError) -> ConfigError {
        match self {
            Self::Variable if error.variable().is_none() => error.in_variable(choice::VARIABLE),
            _ => error,
        }
    }
}

impl fmt::Display for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable => choice::VARIABLE,
            Self::Builder => "the builder",
        })
    }
}

/// The same with a choice that goes before the variable's.
pub(crate) fn detect_as(
    identity: &Identity,
    cloud: Cloud,
    environment: &Environment,
    asked: Option<Asked>,
) -> Result<Option<Detected>, ConfigError> {
    let detected = match asked {
        None => of_identity(identity, cloud, environment)?,
        Some(Asked { choice, by }) => {
            let chosen = chosen::detect(choice, identity, cloud, environment);
            let chosen = chosen.map_err(|error| by.blamed_for(error))?;
            chosen.map(|detected| detected.because(format!("{by} asks for {choice}")))
        }
    };
    if let Some(detected) = &detected {
        tracing::debug!(
            token_source = detected.source.name(),
            reason = detected.reason(),
            "source chosen"
        );
    }
    Ok(detected)
}

/// The source of an identity of the settings, where nothing else is asked for.
fn of_identity(
    identity: &Identity,
    cloud: Cloud,
    environment: &Environment,
) -> Result<Option<Detected>, ConfigError> {
    Ok(Some(match identity {
        Identity::ServicePrincipal { tenant_id, client_id, client_secret } => Detected::new(
            ClientSecret::new(tenant_id, client_id, client_secret.clone())?
                .in_environment(cloud, environment)?,
            "the settings hold a client secret",
        ),
        Identity::WorkloadIdentity { tenant_id, client_id, token_file } => Detected::new(
            WorkloadIdentity::new(tenant_id, client_id, token_file)?
                .in_environment(cloud, environment)?,
            "the settings name a federated token file (AZURE_FEDERATED_TOKEN_FILE)",
        ),
        Identity::SystemAssigned => managed_identity(None, environment)?,
        Identity::UserAssigned(id) => managed_identity(Some(id), environment)?,
        Identity::Password(_) => return Ok(None),
    }))
}

fn managed_identity(
    id: Option<&UserAssignedId>,
    environment: &Environment,
) -> Result<Detected, ConfigError> {
    if id.is_some_and(|id| has_certificate(id, environment)) {
        return Err(client_certificate());
    }
    platform_identity(id, environment, |imds| imds)
}

/// The managed identity that the platform of this process has; on a machine by IMDS as it is wanted.
fn platform_identity(
    id: Option<&UserAssignedId>,
    environment: &Environment,
    imds: fn(Imds) -> Imds,
) -> Result<Detected, ConfigError> {
    Ok(match Platform::of(environment)? {
        Platform::AppService => {
            let source = AppService::from_environment(environment)?;
            let source = asked_for(source, id, AppService::with_identity);
            Detected::new(source, "IDENTITY_ENDPOINT and IDENTITY_HEADER are set")
        }
        Platform::ContainerInstances => Detected::new(
            ContainerInstances::from_environment(environment)?.with_identity(id)?,
            "IDENTITY_ENDPOINT states its version and IDENTITY_HEADER is set",
        ),
        Platform::AzureArc(reason) => {
            let source = AzureArc::from_environment(environment)?;
            let source = asked_for(source, id, AzureArc::with_identity);
            Detected::new(source, reason)
        }
        Platform::MsiEndpoint => Detected::new(
            MsiEndpoint::from_environment(environment, id)?,
            "MSI_ENDPOINT and MSI_SECRET are set",
        ),
        Platform::CloudShell if id.is_some() => return Err(cloud_shell()),
        Platform::CloudShell => {
            Detected::new(CloudShell::from_environment(environment)?, "MSI_ENDPOINT is set")
        }
        Platform::Imds => {
            let source = imds(Imds::from_environment(environment)?);
            let source = asked_for(source, id, Imds::with_identity);
            Detected::new(source, "neither IDENTITY_ENDPOINT nor MSI_ENDPOINT is set")
        }
    })
}

fn asked_for<S>(
    source: S,
    id: Option<&UserAssignedId>,
    with_identity: fn(S, UserAssignedId) -> S,
) -> S {
    match id {
        Some(id) => with_identity(source, id.clone()),
        None => source,
    }
}

/// Whether the id is that of an application which proves itself with a certificate: the variables of
/// [`EnvironmentCredential`](https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential).
fn has_certificate(id: &UserAssignedId, environment: &Environment) -> bool {
    let UserAssignedId::ClientId(id) = id else { return false };
    environment.get("AZURE_CLIENT_ID").is_some_and(|client_id| client_id.trim() == id)
        && environment.get("AZURE_TENANT_ID").is_some()
        && environment.get(CERTIFICATE_VARIABLE).is_some()
}

const CERTIFICATE_VARIABLE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";

fn cloud_shell() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "this is Cloud Shell, which has the token of the person who is signed in and of no managed identity",
        "leave the client id out, and log in as that person's role",
    )
    .in_variable("MSI_ENDPOINT")
}

fn client_certificate() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "a client certificate is to prove the application of AZURE_CLIENT_ID, which is not supported",
        "use azure_identity's ClientCertificateCredential (its feature client_certificate; the file is \
         PKCS#12) through source::Credential, or unset it \
         to log in as a managed identity",
    )
    .in_variable(CERTIFICATE_VARIABLE)
}

#[cfg(test)]
mod tests;
