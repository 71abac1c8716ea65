//! AKS identity bindings, before the token proxy of the local Azure, which asks for its own name in the handshake, for
//! its address in the `Host` header and for a token of the pod's that was made for it.

use std::{fs, sync::Arc, time::Duration};

use postgres_entra::{
    AccessToken, Cloud, Connector, Environment, Identity, TokenError, TokenErrorKind, TokenSource,
    emulator::{ClientType, LocalAzure, Login, Protocol},
    source,
};

use crate::support::{chain, fake_server::Authority, refusing, shared_azure};

const URL: &str = "AZURE_KUBERNETES_TOKEN_PROXY";
const NAME: &str = "AZURE_KUBERNETES_SNI_NAME";
const FILE: &str = "AZURE_KUBERNETES_CA_FILE";
const DATA: &str = "AZURE_KUBERNETES_CA_DATA";

type Vars = Vec<(String, String)>;

fn vars(azure: &LocalAzure) -> Vars {
    azure.vars(Login::IdentityBinding, ClientType::Python)
}

fn value<'a>(vars: &'a Vars, wanted: &str) -> &'a str {
    &vars.iter().find(|(name, _)| name == wanted).unwrap().1
}

/// With this variable in place of one that is there.
fn with(mut vars: Vars, old: &str, new: &str, value: &str) -> Vars {
    vars.retain(|(name, _)| name != old);
    vars.push((new.to_owned(), value.to_owned()));
    vars
}

fn source_of(vars: &Vars) -> Arc<dyn TokenSource> {
    let identity = Identity::workload(
        value(vars, "AZURE_TENANT_ID"),
        value(vars, "AZURE_CLIENT_ID"),
        value(vars, "AZURE_FEDERATED_TOKEN_FILE"),
    );
    let environment = Environment::from_vars(vars.clone());
    let detected = source::detect(&identity, Cloud::Public, &environment).unwrap().unwrap();
    Arc::clone(detected.source())
}

async fn fetch(vars: &Vars) -> Result<AccessToken, TokenError> {
    source_of(vars).fetch_token(Cloud::Public.scope()).await
}

#[tokio::test]
async fn a_pod_logs_in_through_the_proxy_that_it_knows_by_its_own_authority() {
    let azure = LocalAzure::start().await.unwrap();
    let by_file = vars(&azure);
    let pem = fs::read_to_string(value(&by_file, FILE)).unwrap();
    let by_data = with(by_file.clone(), FILE, DATA, &pem);
    for vars in [by_file, by_data] {
        let connector = Connector::from_vars(vars).unwrap();
        connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
    let requests = azure.identity_service().requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!((request.protocol, request.method.as_str()), (Protocol::TokenProxy, "POST"));
        assert_eq!(request.status, Some(200));
    }
}

#[tokio::test]
async fn the_authority_may_change_and_an_empty_file_keeps_the_old_one() {
    let azure = LocalAzure::start().await.unwrap();
    let vars = vars(&azure);
    let (source, scope) = (source_of(&vars), Cloud::Public.scope());
    source.fetch_token(scope).await.unwrap();

    fs::write(value(&vars, FILE), "\n").unwrap();
    source.fetch_token(scope).await.unwrap();

    azure.identity_service().replace_token_proxy_authority().unwrap();
    source.fetch_token(scope).await.unwrap();
    assert_eq!(azure.identity_service().tokens_issued(), 3);
}

/// The system's authorities would not do either: the binding's is the only one.
#[tokio::test]
async fn a_proxy_of_another_authority_or_name_gets_no_token_of_the_pods() {
    let azure = LocalAzure::start().await.unwrap();
    let wrong_authority = with(vars(&azure), FILE, DATA, &Authority::new().pem());
    let wrong_name = with(vars(&azure), NAME, NAME, "other.example");
    // Then it is that of the address.
    let mut no_name = vars(&azure);
    no_name.retain(|(name, _)| name != NAME);
    let fetching =
        async { tokio::join!(fetch(&wrong_authority), fetch(&wrong_name), fetch(&no_name)) };
    let fetched = tokio::time::timeout(Duration::from_secs(60), fetching).await.expect("an end");
    for result in <[_; 3]>::from(fetched) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{}", chain(&error));
        assert!(error.to_string().contains(URL), "{error}");
        // That is of the server's connection.
        assert!(!chain(&error).contains("PGSSLROOTCERT"), "{}", chain(&error));
    }
    assert_eq!(azure.identity_service().request_count(), 0, "nothing was sent");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_by_its_own_variable() {
    let (_socket, address) = refusing();
    let error = fetch(&with(vars(shared_azure()), URL, URL, &format!("https://{address}")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Unreachable);
    assert!(error.hint().contains(URL) && !error.hint().contains("AUTHORITY_HOST"), "{error}");
}

#[tokio::test]
async fn an_authority_that_can_not_be_read_names_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for file in ["/absent/ca.pem", empty.to_str().unwrap()] {
        let error = fetch(&with(vars(shared_azure()), FILE, FILE, file)).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration, "{}", chain(&error));
        assert!(error.to_string().contains(FILE), "{error}");
    }
}

/// What Entra ID says comes through the proxy as it is.
#[tokio::test]
async fn a_refusal_of_entra_behind_the_proxy_keeps_its_code() {
    let azure = shared_azure();
    let direct = azure.vars(Login::WorkloadIdentity, ClientType::Python);
    let file = value(&direct, "AZURE_FEDERATED_TOKEN_FILE").to_owned();
    let name = "AZURE_FEDERATED_TOKEN_FILE";
    let error = fetch(&with(vars(azure), name, name, &file)).await.unwrap_err();
    assert_eq!((error.kind(), error.aadsts()), (TokenErrorKind::Denied, &[70_021][..]), "{error}");
}
