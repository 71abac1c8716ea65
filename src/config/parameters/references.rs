//! References to a secret store that nobody resolved.

use crate::error::{ConfigError, ConfigErrorKind};

/// What App Service leaves in a variable whose reference it couldn't resolve
/// ([documentation](https://learn.microsoft.com/azure/app-service/app-service-key-vault-references)).
const APP_SERVICE: [&str; 2] = ["@Microsoft.KeyVault(", "@Microsoft.AppConfiguration("];

/// What means a secret in the configuration of Container Apps
/// ([documentation](https://learn.microsoft.com/azure/container-apps/manage-secrets)) and of the Azure
/// Developer CLI
/// ([documentation](https://learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables)).
const OF_TOOLS: [&str; 3] = ["secretref:", "keyvaultref:", "akvs://"];

/// Whether a value is a reference in place of what it refers to.
pub(in crate::config) fn is_reference(value: &str) -> bool {
    let value = value.trim_start();
    APP_SERVICE.iter().chain(&OF_TOOLS).any(|reference| starts_with(value, reference))
}

/// Whether a reference of App Service stands anywhere in a text, such as a connection string. One that
/// holds `;` or `@` would be torn apart by a grammar.
pub(in crate::config) fn holds_reference(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| is_reference(&text[at..]))
}

pub(in crate::config) fn unresolved_reference(variable: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::UnresolvedReference,
        "holds a reference to a secret store in place of the secret",
        "let the application's identity read the secret, check the reference's status in the \
         Azure portal, and restart",
    )
    .in_variable(variable)
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_known_by_its_start_in_any_case() {
        for text in [
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
            " @microsoft.keyvault(VaultName=v;SecretName=s)",
            "@Microsoft.AppConfiguration(Endpoint=https://e; Key=k)",
            "secretRef:pg-password",
            "SECRETREF:x",
            "keyvaultref:https://v.vault.azure.net/secrets/s,identityref:system",
            "akvs://subscription/vault/secret",
        ] {
            assert!(is_reference(text), "{text}");
        }
        for text in ["", "@", "@Microsoft", "secret", "x@Microsoft.KeyVault(", "é@Microsoft"] {
            assert!(!is_reference(text), "{text}");
        }
    }

    #[test]
    fn a_reference_is_found_within_a_connection_string() {
        assert!(holds_reference("Host=h;Password=@Microsoft.KeyVault(VaultName=v;SecretName=s)"));
        assert!(holds_reference("postgres://u:@Microsoft.KeyVault(SecretUri=https://v/s)@h/d"));
        assert!(!holds_reference("postgres://u:secretRef:x@h/d"));
    }
}
