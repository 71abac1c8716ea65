//! Applications that log in through an Azure SDK of another language: HTTPS with the local authority.

use std::{path::Path, process::Command};

use postgres_entra::{
    Connector,
    emulator::{ClientType, LocalAzure, Login, Platform, TENANT_ID},
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
    assert!(description.contains("nothing at /msi/tokens") && description.contains("/msi/token, "));
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
async fn azure_identity_for_python_logs_in_on_each_host_that_it_knows() {
    const PROGRAM: &str = "
from azure.identity import EnvironmentCredential, ManagedIdentityCredential, WorkloadIdentityCredential
import sys
kind, client_id = sys.argv[1:]
if kind == 'environment':
    credential = EnvironmentCredential(disable_instance_discovery=True)
elif kind == 'workload':
    credential = WorkloadIdentityCredential(disable_instance_discovery=True, enable_azure_proxy=True)
else:
    credential = ManagedIdentityCredential(client_id=client_id or None)
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
    // It knows neither Container Instances on Windows nor the dates of App Service before 2019.
    let platforms = [Platform::AppService, Platform::VirtualMachine, Platform::MachineLearning];
    let mut logins = vec![
        ("environment", Login::ServicePrincipal),
        ("workload", Login::WorkloadIdentity),
        ("workload", Login::IdentityBinding),
        ("managed", Login::CloudShell),
    ];
    logins.extend(platforms.map(|platform| ("managed", Login::SystemAssigned(platform))));
    logins.extend(platforms.map(|platform| ("managed", Login::UserAssigned(platform))));
    // The only folder in which it looks for challenges. Where that is not ours to write to, it is seen by hand.
    let folder = Path::new("/var/opt/azcmagent/tokens");
    let own = folder.is_dir().then(|| {
        let azure = LocalAzure::builder().arc_tokens_folder(folder).start_blocking().unwrap();
        logins.push(("managed", Login::SystemAssigned(Platform::AzureArc)));
        logins.push(("managed", Login::UserAssigned(Platform::AzureArc)));
        azure
    });
    let azure = own.as_ref().unwrap_or_else(|| azure());
    for (kind, login) in logins {
        let client_id = match login {
            Login::UserAssigned(_) => login.client_id().unwrap(),
            _ => "",
        };
        let mut command = python(&["-c", PROGRAM, kind, client_id]);
        command.envs(azure.vars_for_azure_sdks(login, ClientType::Python));
        let output = tokio::process::Command::from(command).output().await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{login:?}: {complaint}");
        let token = String::from_utf8(output.stdout).unwrap();
        let role = azure.server().role(login);
        let client = log_in(azure, role, token.trim()).await.unwrap();
        assert_eq!(current_user(&client).await, role, "{login:?}");
    }
}
