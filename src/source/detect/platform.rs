//! Which of Azure's hosts this is, by the variables that it sets.

use std::path::{Path, PathBuf};

use crate::{
    environment::Environment,
    error::{ConfigError, ConfigErrorKind},
};

/// The managed-identity endpoints that this crate speaks with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Platform {
    AppService,
    ContainerInstances,
    /// Why it is taken for one.
    AzureArc(&'static str),
    MsiEndpoint,
    CloudShell,
    Imds,
}

impl Platform {
    pub(super) fn of(environment: &Environment) -> Result<Self, ConfigError> {
        Self::where_files_exist(environment, Path::exists)
    }

    fn where_files_exist(
        environment: &Environment,
        exists: fn(&Path) -> bool,
    ) -> Result<Self, ConfigError> {
        let set = |name| environment.get(name).is_some();
        match (set("IDENTITY_ENDPOINT"), set("IDENTITY_HEADER")) {
            (true, true) if states_its_version(environment) => Ok(Self::ContainerInstances),
            (true, true) if set("IDENTITY_SERVER_THUMBPRINT") => Err(service_fabric()),
            (true, true) => Ok(Self::AppService),
            (true, false) if set("IMDS_ENDPOINT") => {
                Ok(Self::AzureArc("IDENTITY_ENDPOINT and IMDS_ENDPOINT are set"))
            }
            (true, false) => Err(header_missing()),
            // Azure Container Instances on Linux set a header, and have no endpoint but that of IMDS
            // (https://github.com/MicrosoftDocs/azure-docs/issues/122273).
            (false, _) if set("MSI_ENDPOINT") && set("MSI_SECRET") => Ok(Self::MsiEndpoint),
            (false, _) if set("MSI_ENDPOINT") => Ok(Self::CloudShell),
            // Services don't get the variables, which are those of a login shell.
            (false, _)
                if !set("AZURE_POD_IDENTITY_AUTHORITY_HOST")
                    && has_arc_agent(environment, exists) =>
            {
                Ok(Self::AzureArc("the agent of Azure Arc is installed on this machine"))
            }
            (false, _) => Ok(Self::Imds),
        }
    }
}

/// Where the agent of Azure Arc is on Linux. The Microsoft authentication libraries look for it as well, in either place
/// ([source](https://github.com/AzureAD/microsoft-authentication-library-for-go/blob/main/apps/managedidentity/managedidentity.go)).
const ARC_AGENT: [&str; 2] = ["/opt/azcmagent/bin/himds", "/var/opt/azcmagent/bin/himds"];

fn has_arc_agent(environment: &Environment, exists: fn(&Path) -> bool) -> bool {
    if !cfg!(windows) {
        return ARC_AGENT.iter().any(|file| exists(Path::new(file)));
    }
    let programs = environment.get("ProgramFiles").map(PathBuf::from);
    let agent = |programs: PathBuf| programs.join("AzureConnectedMachineAgent").join("himds.exe");
    programs.is_some_and(|programs| exists(&agent(programs)))
}

/// Whether the endpoint's own query says `api-version=`, as that of Container Instances on Windows does
/// (`http://10.92.0.4:2377/metadata/identity/oauth2/token?api-version=1.0`) and no other.
fn states_its_version(environment: &Environment) -> bool {
    let endpoint = environment.get("IDENTITY_ENDPOINT").unwrap_or_default();
    let query = endpoint.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|field| field.starts_with("api-version="))
}

fn service_fabric() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        "this is Service Fabric, whose managed-identity endpoint is not supported",
        "use a service principal (AZURE_POSTGRESQL_TENANTID, AZURE_POSTGRESQL_CLIENTID, \
         AZURE_POSTGRESQL_CLIENTSECRET)",
    )
    .in_variable("IDENTITY_SERVER_THUMBPRINT")
}

fn header_missing() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "IDENTITY_ENDPOINT is set and this variable is not",
        "leave both as the platform sets them, which on Azure Arc is IMDS_ENDPOINT in place of this one; or unset \
         IDENTITY_ENDPOINT to use IMDS",
    )
    .in_variable("IDENTITY_HEADER")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn platform(vars: &[(&str, &str)], exists: fn(&Path) -> bool) -> Platform {
        let environment = Environment::from_vars(vars.iter().copied());
        Platform::where_files_exist(&environment, exists).unwrap()
    }

    #[test]
    fn a_machine_with_the_agent_of_azure_arc_is_known_without_variables() {
        let agent = |file: &Path| file == Path::new("/opt/azcmagent/bin/himds");
        let older = |file: &Path| file == Path::new("/var/opt/azcmagent/bin/himds");
        for exists in [agent, older] {
            assert!(matches!(platform(&[], exists), Platform::AzureArc(_)));
            // What variables say goes before it.
            let moved = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1")];
            assert_eq!(platform(&moved, exists), Platform::Imds);
            let shell = [("MSI_ENDPOINT", "http://127.0.0.1")];
            assert_eq!(platform(&shell, exists), Platform::CloudShell);
        }
        assert_eq!(platform(&[], |_| false), Platform::Imds);
    }

    #[test]
    fn an_endpoint_that_states_its_version_is_that_of_container_instances() {
        let at = |endpoint| {
            let more = [("IDENTITY_HEADER", "x"), ("IDENTITY_SERVER_THUMBPRINT", "ab")];
            let vars = [&[("IDENTITY_ENDPOINT", endpoint)][..], &more].concat();
            Platform::where_files_exist(&Environment::from_vars(vars), |_| false).ok()
        };
        let containers = "http://10.92.0.4:2377/metadata/identity/oauth2/token?api-version=1.0";
        assert_eq!(at(containers), Some(Platform::ContainerInstances));
        assert_eq!(at("https://localhost:2377/metadata/identity/oauth2/token"), None);
        assert_eq!(at("http://localhost/msi/token?no-api-version=1.0"), None);
    }
}
