//! Values in which a secret store's reference or a template's placeholder stands for what is meant.

use crate::error::{ConfigError, ConfigErrorKind};

/// What App Service leaves in a variable whose reference it couldn't resolve
/// ([documentation](https://learn.microsoft.com/azure/app-service/app-service-key-vault-references)).
const APP_SERVICE: [&str; 2] = ["@Microsoft.KeyVault(", "@Microsoft.AppConfiguration("];

/// What means a secret in the configuration of Container Apps
/// ([documentation](https://learn.microsoft.com/azure/container-apps/manage-secrets)), of the Azure
/// Developer CLI
/// ([documentation](https://learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables)),
/// of 1Password, Helm's vals and Vault.
const OF_TOOLS: [&str; 6] =
    ["secretref:", "keyvaultref:", "akvs://", "op://", "ref+azurekeyvault://", "vault:secret/"];

/// What surrounds an expression in the templates of shells and Kubernetes (`${NAME:-x}`, `$(NAME)`), of
/// Azure Pipelines (`$[variables.name]`, `#{name}#`), of GitHub and Helm (`{{ .name | quote }}`) and of
/// Ruby (`<%= ENV["NAME"] %>`). Longer ones first.
const TEMPLATES: [(&str, &str); 7] = [
    ("${{", "}}"),
    ("{{", "}}"),
    ("#{", "}#"),
    ("${", "}"),
    ("$(", ")"),
    ("$[", "]"),
    ("<%", "%>"),
];

/// What surrounds a name in the strings that portals and manuals show (`{your_password}`, `<password>`,
/// `[YOUR-PASSWORD]`), and in those of Windows (`%NAME%`).
const PLACEHOLDERS: [(&str, &str); 4] = [("{", "}"), ("<", ">"), ("[", "]"), ("%", "%")];

/// The templates that no name, address or option holds, wherever they stand in it.
const INSIDE: [(&str, &str); 2] = [("${", "}"), ("$(", ")")];

/// The templates that hold blanks, so that a grammar would tear them apart.
const WITH_BLANKS: [(&str, &str); 2] = [("{{", "}}"), ("<%=", "%>")];

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
    if WITH_BLANKS.iter().any(|(open, close)| holds(text, open, close, is_expression)) {
        return Err(unfilled_placeholder(variable));
    }
    Ok(())
}

/// Whether a value is a reference in place of what it refers to.
fn is_reference(value: &str) -> bool {
    let value = value.trim_start();
    APP_SERVICE.iter().chain(&OF_TOOLS).any(|reference| starts_with(value, reference))
        || is_of_app_configuration(value)
        || (starts_with(value, "https://")
            && value.contains(".vault.azure.")
            && value.contains("/secrets/"))
}

/// A reference to Key Vault as App Configuration keeps it: `{"uri":"https://..."}`
/// ([documentation](https://learn.microsoft.com/azure/azure-app-configuration/use-key-vault-references-dotnet-core)).
fn is_of_app_configuration(value: &str) -> bool {
    let field = value.strip_prefix('{').and_then(|json| json.trim_start().strip_prefix("\"uri\""));
    field.is_some_and(|after| after.trim_start().starts_with(':'))
}

fn is_placeholder(value: &str) -> bool {
    let surrounds = |(open, close): &(&str, &str), is_meant: fn(&str) -> bool| {
        let inside = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inside.is_some_and(|inside| is_meant(inside.trim()))
    };
    TEMPLATES.iter().any(|template| surrounds(template, has_letters))
        || PLACEHOLDERS.iter().any(|placeholder| surrounds(placeholder, is_name))
        || is_variable(value)
        || is_mask(value)
}

fn holds_placeholder(value: &str) -> bool {
    INSIDE.iter().any(|(open, close)| holds(value, open, close, is_name))
}

fn holds(text: &str, open: &str, close: &str, is_meant: fn(&str) -> bool) -> bool {
    let after = text.split(open).skip(1);
    after.filter_map(|rest| rest.split_once(close)).any(|(inside, _)| is_meant(inside.trim()))
}

/// A name of at least three letters: passwords that were made up at random have none in brackets.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '.'))
        && has_letters(text)
        && text.chars().all(allowed)
}

/// An expression of a template: nothing that separates two values of a connection string.
fn is_expression(text: &str) -> bool {
    has_letters(text) && !text.contains(['=', ';', '&', '@', '/'])
}

fn has_letters(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3
}

/// `$DB_PASSWORD`, `$env:DB_PASSWORD` and `__DB_PASSWORD__`: a shell's or a pipeline's name of a variable,
/// known by its underscore.
fn is_variable(value: &str) -> bool {
    let of_shell = value.strip_prefix("$env:").or_else(|| value.strip_prefix('$'));
    let of_pipeline = || value.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    of_shell.or_else(of_pipeline).is_some_and(|name| {
        has_letters(name)
            && (name.contains('_') || name == "PGPASSWORD")
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

/// What consoles show in place of a password, or manuals without brackets.
fn is_mask(value: &str) -> bool {
    let is_dots = value.chars().all(|c| matches!(c, '*' | '•'));
    value.chars().count() >= 3 && is_dots
        || ["your_password", "your-password", "yourpassword"]
            .iter()
            .any(|mask| value.eq_ignore_ascii_case(mask))
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
            "op://vault/item/password",
            "ref+azurekeyvault://vault/secret",
            "vault:secret/data/db#password",
            "https://v.vault.azure.net/secrets/s/ec96f02080254f109c51a1f14cdb1931",
            r#"{"uri":"https://v.vault.azure.net/secrets/s"}"#,
            r#" { "uri" : "https://v.vault.azure.net/secrets/s" }"#,
        ] {
            assert!(problem(text, true).unwrap().contains("reference"), "{text}");
        }
        for text in [
            "",
            "@",
            "@Microsoft",
            "secret",
            "x@Microsoft.KeyVault(",
            "é@Microsoft",
            "https://contoso.example/secrets/s",
            "{\"uri\"}",
        ] {
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
            "${DB_PASSWORD:?not set}",
            "$(cat /run/secrets/pg)",
            "$[variables.password]",
            "{{ .Values.db.password | quote }}",
            "<%= ENV['DB_PASSWORD'] %>",
            "$DB_PASSWORD",
            "$PGPASSWORD",
            "$env:DB_PASSWORD",
            "__DB_PASSWORD__",
            "YOUR_PASSWORD",
            "********",
        ] {
            assert!(problem(text, true).unwrap().contains("placeholder"), "{text}");
        }
        for text in [
            "{}",
            "{a}",
            "<1b4>",
            "%41%",
            "$x",
            "p{ass}w",
            "[::1]",
            "${a;b}",
            "a$(pass)",
            "$ABCDEF",
            "$A_b_CD",
            "__abc__",
            "**",
            "a***",
            "your_password1",
        ] {
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
            "postgres://u:{{ .Values.password }}@h/d",
            "Host=h;Password=<%= ENV['DB_PASSWORD'] %>",
        ] {
            assert!(check_text(text, "TEST").is_err(), "{text}");
        }
        for text in [
            "postgres://u:secretref:x@h/d",
            "host=h password=a@b user=${x}",
            "Host=h;Password=a{{b}}",
            "user='{{' password='abc}}'",
        ] {
            assert!(check_text(text, "TEST").is_ok(), "{text}");
        }
    }
}
