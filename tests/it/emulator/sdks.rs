//! Applications that log in through an Azure SDK of another language: HTTPS with the local authority.

use std::process::Command;

use postgres_entra::{
    Connector,
    emulator::{ClientType, Login, TENANT_ID},
};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::support::*;
use crate::support::{child, skip};

/// The JSON that a path answers with, over TLS that is verified.
async fn get_over_tls(path: &str) -> Value {
    let address = azure().identity_service().https_url().strip_prefix("https://").unwrap();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(std::sync::Arc::new(tls_config(azure())));
    let mut stream = connector.connect(name, socket).await.unwrap();
    stream.write_all(request("GET", path, &[], "").as_bytes()).await.unwrap();
    let mut answer = String::new();
    // hyper ends without TLS's goodbye.
    let _ = stream.read_to_string(&mut answer).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn the_discovery_document_names_endpoints_with_tls() {
    let base = format!("{}/{TENANT_ID}", azure().identity_service().https_url());
    for tenant in [TENANT_ID, "contoso.onmicrosoft.com"] {
        let path = format!("/{tenant}/v2.0/.well-known/openid-configuration");
        let document = get_over_tls(&path).await;
        assert_eq!(document["token_endpoint"], format!("{base}/oauth2/v2.0/token"));
        assert_eq!(document["authorization_endpoint"], format!("{base}/oauth2/v2.0/authorize"));
        assert_eq!(document["issuer"], format!("{base}/v2.0"));
        let keys = document["jwks_uri"].as_str().unwrap().to_owned();
        let path = keys.strip_prefix(azure().identity_service().https_url()).unwrap();
        let keys = get_over_tls(path).await;
        assert_eq!(
            (&keys["keys"][0]["kty"], &keys["keys"][0]["e"]),
            (&"RSA".into(), &"AQAB".into())
        );
    }
}

#[tokio::test]
async fn the_document_of_another_tenant_is_refused_as_its_tokens_are() {
    let path = "/00000000-1111-2222-3333-444444444444/v2.0/.well-known/openid-configuration";
    assert_eq!(get_over_tls(path).await["error_codes"][0], 90_002);
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_told_which_do() {
    let answer = get(azure(), "/msi/tokens", &[]).await;
    assert_eq!((answer.status, answer.text("error")), (404, "not_found"));
    let description = answer.text("error_description");
    assert!(
        description.contains("nothing at /msi/tokens") && description.contains("/msi/token and")
    );
}

/// Trust in the local authority is a variable of the process, so this is one.
#[tokio::test]
async fn this_crate_logs_in_with_the_variables_of_the_sdks_too() {
    for login in [Login::ServicePrincipal, Login::WorkloadIdentity, Login::Administrator] {
        let vars = azure().vars_for_azure_sdks(login, ClientType::Python);
        let mut command = child::bare_command(module_path!(), "log_in_as_the_environment_says", "");
        command.envs(vars);
        assert!(child::passes(command).await.contains(azure().server().role(login)));
    }
}

#[tokio::test]
#[ignore = "run in a process of its own by the test above"]
async fn log_in_as_the_environment_says() {
    if child::part().is_some() {
        let client = Connector::from_env().unwrap().connect().await.unwrap();
        println!("role={}", current_user(&client).await);
    }
}

#[tokio::test]
async fn azure_identity_for_python_gets_tokens_of_each_kind() {
    const PROGRAM: &str = "
from azure.identity import ClientSecretCredential, EnvironmentCredential, WorkloadIdentityCredential
from azure.identity import ManagedIdentityCredential
import os, sys
kind = sys.argv[1]
if kind == 'environment':
    credential = EnvironmentCredential(disable_instance_discovery=True)
elif kind == 'workload':
    credential = WorkloadIdentityCredential(disable_instance_discovery=True)
else:
    credential = ManagedIdentityCredential()
print(credential.get_token('https://ossrdbms-aad.database.windows.net/.default').token)
";
    let python = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.args(arguments).env_remove("HTTPS_PROXY").env_remove("https_proxy");
        command
    };
    let found = python(&["-c", "import azure.identity"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return skip("azure-identity for Python is not installed");
    }
    let app_service = Login::SystemAssigned(postgres_entra::emulator::Platform::AppService);
    for (kind, login) in [
        ("environment", Login::ServicePrincipal),
        ("workload", Login::WorkloadIdentity),
        ("managed", app_service),
    ] {
        let mut command = python(&["-c", PROGRAM, kind]);
        command.envs(azure().vars_for_azure_sdks(login, ClientType::Python));
        let output = tokio::process::Command::from(command).output().await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind}: {complaint}");
        let token = String::from_utf8(output.stdout).unwrap();
        assert_eq!(claims_of(token.trim()).object_id(), login.object_id(), "{kind}");
    }
}
