//! What `Connector::from_env` chooses in a real environment, in child processes that have one.

use crate::support::child;
use postgres_entra::Connector;

const HOST: (&str, &str) = ("AZURE_POSTGRESQL_HOST", "contoso.postgres.database.azure.com");
const USER: (&str, &str) = ("AZURE_POSTGRESQL_USER", "aad_orders");
const CLIENT_ID: (&str, &str) =
    ("AZURE_POSTGRESQL_CLIENTID", "11111111-1111-1111-1111-111111111111");

const APP_SERVICE: [(&str, &str); 2] = [
    ("IDENTITY_ENDPOINT", "http://localhost:42356/msi/token"),
    ("IDENTITY_HEADER", "secret-of-the-platform"),
];

const AKS: [(&str, &str); 4] = [
    ("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111"),
    ("AZURE_TENANT_ID", "33333333-3333-3333-3333-333333333333"),
    ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/tokens/azure-identity-token"),
    ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/"),
];

const SERVICE_PRINCIPAL: [(&str, &str); 2] = [
    ("AZURE_POSTGRESQL_CLIENTSECRET", "secret-of-the-application"),
    ("AZURE_POSTGRESQL_TENANTID", "33333333-3333-3333-3333-333333333333"),
];

#[test]
#[ignore = "runs in the child processes of the other tests"]
fn show_the_choice() {
    if child::part().is_none() {
        return;
    }
    match Connector::from_env() {
        Ok(connector) => {
            let source = connector.token_cache().map(|tokens| tokens.source_name().to_owned());
            println!("source: {}", source.as_deref().unwrap_or("none, a password"));
        }
        Err(error) => println!("error: {error}"),
    }
}

/// What the child prints with nothing but these variables in its environment.
async fn chosen(vars: &[&[(&str, &str)]]) -> String {
    let mut command = child::bare_command(module_path!(), "show_the_choice", "show");
    command.envs(vars.concat());
    let stdout = child::passes(command).await;
    assert!(!stdout.contains("secret-of-the"), "{stdout}");
    let line = stdout.lines().find(|line| line.starts_with("source") || line.starts_with("error"));
    line.unwrap_or_else(|| panic!("the child said nothing: {stdout}")).to_owned()
}

#[tokio::test]
async fn app_service_has_its_own_endpoint() {
    assert_eq!(chosen(&[&[HOST, USER], &APP_SERVICE]).await, "source: App Service");
    assert_eq!(chosen(&[&[HOST, USER, CLIENT_ID], &APP_SERVICE]).await, "source: App Service");
}

#[tokio::test]
async fn a_virtual_machine_has_imds() {
    assert_eq!(chosen(&[&[HOST, USER]]).await, "source: IMDS");
    assert_eq!(chosen(&[&[HOST, USER, CLIENT_ID]]).await, "source: IMDS");
}

#[tokio::test]
async fn a_pod_with_a_federated_token_uses_it_before_any_managed_identity() {
    assert_eq!(chosen(&[&[HOST, USER, CLIENT_ID], &AKS]).await, "source: workload identity");
    assert_eq!(chosen(&[&[HOST, USER], &AKS, &APP_SERVICE]).await, "source: workload identity");
}

#[tokio::test]
async fn a_client_secret_of_the_connection_comes_first() {
    let vars: [&[_]; 4] = [&[HOST, USER, CLIENT_ID], &SERVICE_PRINCIPAL, &AKS, &APP_SERVICE];
    assert_eq!(chosen(&vars).await, "source: client secret");
}

#[tokio::test]
async fn a_password_needs_no_source() {
    let password = ("AZURE_POSTGRESQL_PASSWORD", "secret-of-the-role");
    assert_eq!(chosen(&[&[HOST, USER, password]]).await, "source: none, a password");
}

#[tokio::test]
async fn a_platform_without_support_is_named_and_never_taken_for_app_service() {
    let fabric = ("IDENTITY_SERVER_THUMBPRINT", "00");
    let line = chosen(&[&[HOST, USER, fabric], &APP_SERVICE]).await;
    assert!(line.starts_with("error: ") && line.contains("Service Fabric"), "{line}");
}

#[tokio::test]
async fn a_machine_of_azure_arc_is_not_taken_for_a_virtual_machine() {
    let arc = [
        ("IMDS_ENDPOINT", "http://localhost:40342"),
        ("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token"),
    ];
    assert_eq!(chosen(&[&[HOST, USER], &arc]).await, "source: Azure Arc");
}

#[tokio::test]
async fn an_empty_environment_is_an_error_that_says_what_to_set() {
    let line = chosen(&[]).await;
    assert!(line.starts_with("error: ") && line.contains("AZURE_POSTGRESQL"), "{line}");
}
