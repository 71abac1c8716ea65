//! The variables, against what Service Connector documents.

use postgres_entra::emulator::{ClientType, Login, Platform, TENANT_ID};

use super::support::*;

const SYSTEM: Login = Login::SystemAssigned(Platform::AppService);
const HOST: &str = "contoso-pg.postgres.database.azure.com";

/// The variables of the connection alone, in order.
fn connection(login: Login, client: ClientType) -> Vec<(String, String)> {
    let vars = azure().vars(login, client).into_iter();
    vars.filter(|(name, _)| name.starts_with("AZURE_POSTGRESQL_") || name.contains('.')).collect()
}

fn names(vars: &[(String, String)]) -> Vec<&str> {
    vars.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn connection_strings_have_the_form_of_their_client_type() {
    let port = azure().server().port();
    let password = azure().server().role_password();
    let cases = [
        (
            ClientType::DotNet,
            format!(
                "Server={HOST};Database=orders;Port={port};Ssl Mode=Require;User Id=pgappuser;Password={password};"
            ),
        ),
        (
            ClientType::Java,
            format!(
                "jdbc:postgresql://{HOST}:{port}/orders?sslmode=require&user=pgappuser&password={password}"
            ),
        ),
        (
            ClientType::Python,
            format!(
                "dbname=orders host={HOST} port={port} sslmode=require user=pgappuser password={password}"
            ),
        ),
        (
            ClientType::Go,
            format!("host={HOST} dbname=orders sslmode=require user=pgappuser password={password}"),
        ),
        (
            ClientType::Php,
            format!(
                "host={HOST} port={port} dbname=orders sslmode=require user=pgappuser password={password}"
            ),
        ),
        (
            ClientType::Ruby,
            format!(
                "host={HOST} port={port} dbname=orders sslmode=require user=pgappuser password={password}"
            ),
        ),
    ];
    for (client, expected) in cases {
        let vars = connection(Login::Password, client);
        assert_eq!(vars, [("AZURE_POSTGRESQL_CONNECTIONSTRING".to_owned(), expected.clone())]);
        let without = connection(SYSTEM, client);
        assert_eq!(names(&without), ["AZURE_POSTGRESQL_CONNECTIONSTRING"]);
        assert!(!without[0].1.contains(password) && without[0].1.contains("aad_system"));
    }
}

#[test]
fn split_variables_have_the_names_of_their_client_type() {
    let cases = [
        (ClientType::Django, "NAME HOST USER"),
        (ClientType::NodeJs, "HOST USER DATABASE PORT SSL"),
        (ClientType::Other, "HOST USERNAME DATABASE PORT SSL"),
    ];
    for (client, expected) in cases {
        let expected: Vec<_> =
            expected.split(' ').map(|name| format!("AZURE_POSTGRESQL_{name}")).collect();
        assert_eq!(names(&connection(SYSTEM, client)), expected);
        let with_password = vars(azure(), Login::Password, client);
        assert_eq!(with_password["AZURE_POSTGRESQL_PASSWORD"], azure().server().role_password());
    }
}

#[test]
fn spring_boot_gets_properties() {
    let vars = connection(Login::ServicePrincipal, ClientType::SpringBoot);
    let expected = [
        "spring.datasource.azure.passwordless-enabled",
        "spring.cloud.azure.credential.client-id",
        "spring.cloud.azure.credential.client-secret",
        "spring.cloud.azure.credential.tenant-id",
        "spring.datasource.url",
        "spring.datasource.username",
    ];
    assert_eq!(names(&vars), expected);
    let password = connection(Login::Password, ClientType::SpringBoot);
    let expected =
        ["spring.datasource.url", "spring.datasource.username", "spring.datasource.password"];
    assert_eq!(names(&password), expected);
}

#[test]
fn each_identity_brings_its_own_keys() {
    for client in ClientType::ALL.iter().copied().filter(|client| *client != ClientType::SpringBoot)
    {
        let user = vars(azure(), Login::UserAssigned(Platform::AppService), client);
        let id = Login::UserAssigned(Platform::AppService).client_id().unwrap();
        assert_eq!(user["AZURE_POSTGRESQL_CLIENTID"], id);
        assert!(!user.contains_key("AZURE_POSTGRESQL_CLIENTSECRET"));

        let app = vars(azure(), Login::ServicePrincipal, client);
        assert_eq!(app["AZURE_POSTGRESQL_TENANTID"], TENANT_ID);
        assert!(!app["AZURE_POSTGRESQL_CLIENTSECRET"].is_empty());
        assert!(!vars(azure(), SYSTEM, client).contains_key("AZURE_POSTGRESQL_CLIENTID"));
    }
}

#[test]
fn the_platform_leads_to_the_identity_service() {
    let base = azure().identity_service().base_url();
    let of = |login| vars(azure(), login, ClientType::Python);
    assert_eq!(of(SYSTEM)["IDENTITY_ENDPOINT"], format!("{base}/msi/token"));
    let machine = of(Login::SystemAssigned(Platform::VirtualMachine));
    assert_eq!(machine["AZURE_POD_IDENTITY_AUTHORITY_HOST"], base);
    assert!(!machine.contains_key("IDENTITY_HEADER"));
    assert_eq!(of(Login::ServicePrincipal)["AZURE_AUTHORITY_HOST"], base);
    let workload = of(Login::WorkloadIdentity);
    assert_eq!(workload["AZURE_AUTHORITY_HOST"], format!("{base}/"));
    assert_eq!(workload["AZURE_TENANT_ID"], TENANT_ID);
    assert_eq!(workload["AZURE_CLIENT_ID"], workload["AZURE_POSTGRESQL_CLIENTID"]);
}

#[test]
fn every_client_finds_the_port_and_the_certificate_authority() {
    let port = azure().server().port().to_string();
    for &client in ClientType::ALL {
        let vars = vars(azure(), SYSTEM, client);
        assert_eq!(vars["PGHOSTADDR"], "127.0.0.1");
        assert!(std::path::Path::new(&vars["PGSSLROOTCERT"]).exists());
        let names_port = vars.values().filter(|value| value.contains(port.as_str())).count();
        let is_in_pgport = vars.get("PGPORT").is_some_and(|value| *value == port);
        assert!(names_port > 0, "{client:?}");
        assert_eq!(is_in_pgport, matches!(client, ClientType::Django | ClientType::Go));
    }
}
