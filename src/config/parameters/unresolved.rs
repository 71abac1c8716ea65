//! Values in which a secret store's reference or a template's placeholder stands for what is meant.

use crate::error::{ConfigError, ConfigErrorKind};

/// What App Service leaves in a variable whose reference it couldn't resolve
/// ([documentation](https://learn.microsoft.com/azure/app-service/app-service-key-vault-references)).
const APP_SERVICE: [&str; 2] = ["@Microsoft.KeyVault(", "@Microsoft.AppConfiguration("];

/// What means a secret in the configuration of Container Apps
/// ([documentation](https://learn.microsoft.com/azure/container-apps/manage-secrets)) and of the Azure
/// Developer CLI
/// ([documentation](https://learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables)).
const OF_TOOLS: [&str; 3] = ["secretref:", "keyvaultref:", "akvs://"];

/// What surrounds a name in the templates of shells and Kubernetes (`${NAME}`, `$(NAME)`), of GitHub and
/// Helm (`{{ name }}`), of Azure Pipelines (`#{name}#`), of Windows (`%NAME%`), and in the strings that
/// portals and manuals show (`{your_password}`, `<password>`, `[YOUR-PASSWORD]`). Longer ones first.
const PLACEHOLDERS: [(&str, &str); 9] = [
    ("${{", "}}"),
    ("{{", "}}"),
    ("#{", "}#"),
    ("${", "}"),
    ("$(", ")"),
    ("{", "}"),
    ("<", ">"),
    ("[", "]"),
    ("%", "%"),
];

/// The placeholders that no name, address or option holds, wherever they stand in it.
const INSIDE: [(&str, &str); 2] = [("${", "}"), ("$(", ")")];

/// Refuses a value that stands for another. The error names the variable.
pub(in crate::config) fn check_resolved(
    value: &str,
    is_password: bool,
    variable: &str,
) -> Result<(), ConfigError> {
    if is_reference(value) {
        return Err(unresolved_reference(variable));
    }
    if is_placeholder(value.trim()) || (!is_password && holds_placeholder(value)) {
        return Err(unfilled_placeholder(variable));
    }
    Ok(())
}

/// Refuses a connection string in which a reference or placeholder stands that its grammar would tear
/// apart, as it has blanks, `;` or `@` in it.
pub(in crate::config) fn check_text(text: &str, variable: &str) -> Result<(), ConfigError> {
    let of_app_service = |text: &str| APP_SERVICE.iter().any(|start| starts_with(text, start));
    if text.match_indices('@').any(|(at, _)| of_app_service(&text[at..])) {
        return Err(unresolved_reference(variable));
    }
    if holds(text, "${{", "}}") {
        return Err(unfilled_placeholder(variable));
    }
    Ok(())
}

/// Whether a value is a reference in place of what it refers to.
fn is_reference(value: &str) -> bool {
    let value = value.trim_start();
    APP_SERVICE.iter().chain(&OF_TOOLS).any(|reference| starts_with(value, reference))
}

fn is_placeholder(value: &str) -> bool {
    PLACEHOLDERS.iter().any(|(open, close)| {
        let inside = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inside.is_some_and(|name| is_name(name.trim()))
    })
}

fn holds_placeholder(value: &str) -> bool {
    INSIDE.iter().any(|(open, close)| holds(value, open, close))
}

fn holds(text: &str, open: &str, close: &str) -> bool {
    let after = text.split(open).skip(1);
    after.filter_map(|rest| rest.split_once(close)).any(|(name, _)| is_name(name.trim()))
}

/// A name of at least three letters: passwords that were made up at random have none in brackets.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '.'))
        && text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3
        && text.chars().all(allowed)
}

fn unresolved_reference(variable: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::UnresolvedReference,
        "holds a reference to a secret store in place of the secret",
        "let the application's identity read the secret, check the reference's status in the \
         Azure portal, and restart",
    )
    .in_variable(variable)
}

fn unfilled_placeholder(variable: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::UnresolvedReference,
        "holds a placeholder that nobody has filled in",
        "write the value in its place, or let the tool that deploys the application do it",
    )
    .in_variable(variable)
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(value: &str, is_password: bool) -> Option<String> {
        check_resolved(value, is_password, "TEST").err().map(|error| error.to_string())
    }

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
            assert!(problem(text, true).unwrap().contains("reference"), "{text}");
        }
        for text in ["", "@", "@Microsoft", "secret", "x@Microsoft.KeyVault(", "é@Microsoft"] {
            assert_eq!(problem(text, true), None, "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_known_by_what_surrounds_it() {
        for text in [
            "{your_password}",
            "{your-password}",
            "<password>",
            " <your password> ",
            "[YOUR-PASSWORD]",
            "$(PGPASSWORD)",
            "${PGPASSWORD}",
            "${DB_PASSWORD:-changeit}",
            "${{ secrets.DB_PASSWORD }}",
            "{{ .Values.password }}",
            "#{DbPassword}#",
            "%DB_PASSWORD%",
        ] {
            assert!(problem(text, true).unwrap().contains("placeholder"), "{text}");
        }
        for text in ["{}", "{a}", "<1b4>", "%41%", "$x", "p{ass}w", "[::1]", "${a;b}", "a$(pass)"] {
            assert_eq!(problem(text, true), None, "{text}");
        }
        for text in ["$(SERVER).postgres.database.azure.com", "${DB_USER}@contoso", "aad_${NAME}"] {
            assert!(problem(text, false).unwrap().contains("placeholder"), "{text}");
        }
    }

    #[test]
    fn what_a_grammar_would_tear_apart_is_found_in_the_text() {
        for text in [
            "Host=h;Password=@Microsoft.KeyVault(VaultName=v;SecretName=s)",
            "postgres://u:@Microsoft.KeyVault(SecretUri=https://v/s)@h/d",
            "host=h password=${{ secrets.PW }}",
        ] {
            assert!(check_text(text, "TEST").is_err(), "{text}");
        }
        for text in ["postgres://u:secretref:x@h/d", "host=h password=a@b user=${x}"] {
            assert!(check_text(text, "TEST").is_ok(), "{text}");
        }
    }
}
