//! Which credential is asked for, as all Azure SDKs read it from one variable.

use std::{fmt, str::FromStr};

use crate::{
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, text::write_as_problem_and_hint},
};

/// The variable by which a choice is made without a change of code.
pub(crate) const VARIABLE: &str = "AZURE_TOKEN_CREDENTIALS";

/// Which credential logs an identity in: what `AZURE_TOKEN_CREDENTIALS` says to all Azure SDKs
/// ([documentation](https://learn.microsoft.com/dotnet/azure/sdk/authentication/credential-chains#how-to-customize-defaultazurecredential)).
///
/// Parsed from the SDKs' names, in upper or lower case. A password of the settings needs no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialChoice {
    /// `dev`: the login of the Azure CLI, else of the Azure Developer CLI.
    Development,
    /// `prod`: what the settings name, as if there were no choice.
    Production,
    /// `EnvironmentCredential`: a client secret, of the settings or in `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`
    /// and `AZURE_CLIENT_SECRET`.
    Environment,
    /// `WorkloadIdentityCredential`: a federated token file, of the settings or in `AZURE_TENANT_ID`,
    /// `AZURE_CLIENT_ID` and `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity,
    /// `ManagedIdentityCredential`: the managed identity of the settings, else that of `AZURE_CLIENT_ID`,
    /// else the system-assigned one.
    ManagedIdentity,
    /// `AzureCliCredential`: the login of `az`.
    AzureCli,
    /// `AzureDeveloperCliCredential`: the login of `azd`.
    AzureDeveloperCli,
}

impl CredentialChoice {
    /// Every choice.
    pub const ALL: &'static [Self] = &[
        Self::Development,
        Self::Production,
        Self::Environment,
        Self::WorkloadIdentity,
        Self::ManagedIdentity,
        Self::AzureCli,
        Self::AzureDeveloperCli,
    ];

    /// The name, as the Azure SDKs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "dev",
            Self::Production => "prod",
            Self::Environment => "EnvironmentCredential",
            Self::WorkloadIdentity => "WorkloadIdentityCredential",
            Self::ManagedIdentity => "ManagedIdentityCredential",
            Self::AzureCli => "AzureCliCredential",
            Self::AzureDeveloperCli => "AzureDeveloperCliCredential",
        }
    }

    /// What `AZURE_TOKEN_CREDENTIALS` asks for; `None` if it is unset.
    pub(super) fn from_environment(environment: &Environment) -> Result<Option<Self>, ConfigError> {
        let value = environment.get(VARIABLE);
        let choice = value.map(|value| value.parse()).transpose();
        choice.map_err(|UnknownCredential| unknown().in_variable(VARIABLE))
    }
}

impl fmt::Display for CredentialChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no credential that is supported. `Display` reads `<problem>; <hint>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnknownCredential;

impl UnknownCredential {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        "write one of dev, prod, EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential, \
         AzureCliCredential, AzureDeveloperCliCredential"
    }

    fn problem(self) -> &'static str {
        "the text names no credential that is supported"
    }
}

write_as_problem_and_hint!(UnknownCredential);

impl std::error::Error for UnknownCredential {}

impl FromStr for CredentialChoice {
    type Err = UnknownCredential;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let same = |choice: &&Self| choice.as_str().eq_ignore_ascii_case(text.trim());
        Self::ALL.iter().find(same).copied().ok_or(UnknownCredential)
    }
}

fn unknown() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsupported,
        UnknownCredential.problem(),
        format!("{}, or unset it", UnknownCredential.hint()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_each_choice() {
        for choice in CredentialChoice::ALL {
            assert!(UnknownCredential.hint().contains(choice.as_str()), "{choice}");
        }
    }

    #[test]
    fn names_are_read_as_the_azure_sdks_read_them() {
        for &choice in CredentialChoice::ALL {
            let name = choice.as_str();
            for spelling in
                [name.to_owned(), name.to_uppercase(), format!(" {} ", name.to_lowercase())]
            {
                assert_eq!(spelling.parse(), Ok(choice), "{spelling}");
            }
        }
        for name in ["", "devs", "AzureCli", "AzurePowerShellCredential", "dev,prod", "dev prod"] {
            assert_eq!(name.parse::<CredentialChoice>(), Err(UnknownCredential), "{name}");
        }
    }
}
