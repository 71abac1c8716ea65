//! The Instance Metadata Service, over a raw socket.

use postgres_entra::emulator::{Login, Platform, Protocol};
use serde_json::json;

use super::support::*;

const RESOURCE: &str = "resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";
const SYSTEM: Login = Login::SystemAssigned(Platform::VirtualMachine);
const USER: Login = Login::UserAssigned(Platform::VirtualMachine);

async fn ask(query: &str) -> Answer {
    let path = format!("/metadata/identity/oauth2/token?{query}");
    get(azure(), &path, &[("Metadata", "true")]).await
}

#[tokio::test]
async fn the_system_assigned_identity_gets_a_token_with_all_numbers_as_strings() {
    let answer = ask(&format!("api-version=2018-02-01&{RESOURCE}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("token_type"), "Bearer");
    assert_eq!(answer.text("refresh_token"), "");
    assert_eq!(answer.text("expires_in"), "86400");
    let life = seconds(&answer, "expires_on") - seconds(&answer, "not_before");
    assert_eq!(life, 86_400 + 300);
    let claims = answer.claims();
    assert_eq!(claims.object_id(), SYSTEM.object_id());
    assert_eq!(claims.text("xms_mirid"), SYSTEM.resource_id());
    assert_eq!(claims.audience(), Some("https://ossrdbms-aad.database.windows.net"));
}

fn seconds(answer: &Answer, name: &str) -> i64 {
    answer.text(name).parse().unwrap()
}

#[tokio::test]
async fn each_selector_of_this_endpoint_names_the_user_assigned_identity() {
    let selectors = [
        ("client_id", USER.client_id()),
        ("object_id", USER.object_id()),
        ("msi_res_id", USER.resource_id()),
    ];
    for (name, id) in selectors {
        let id = id.unwrap();
        let answer = ask(&format!("api-version=2019-08-01&{RESOURCE}&{name}={id}")).await;
        assert_eq!(answer.claims().object_id(), USER.object_id(), "{name}");
    }
}

#[tokio::test]
async fn the_spelling_of_app_service_is_ignored_here() {
    let id = USER.resource_id().unwrap();
    let answer = ask(&format!("api-version=2018-02-01&{RESOURCE}&mi_res_id={id}")).await;
    assert_eq!(answer.claims().object_id(), SYSTEM.object_id());
}

#[tokio::test]
async fn requests_that_the_service_would_refuse_are_refused_with_its_codes() {
    let version = "api-version=2018-02-01";
    let id = USER.client_id().unwrap();
    let cases = [
        (RESOURCE.to_owned(), "invalid_request"),
        (format!("api-version=2017-12-01&{RESOURCE}"), "invalid_request"),
        (format!("api-version=latest&{RESOURCE}"), "invalid_request"),
        (version.to_owned(), "invalid_request"),
        (format!("{version}&{RESOURCE}%2F.default"), "invalid_resource"),
        (format!("{version}&resource=https%3A%2F%2Fvault.azure.net"), "invalid_resource"),
        (format!("{version}&{RESOURCE}&client_id={id}&object_id={id}"), "invalid_request"),
    ];
    for (query, error) in cases {
        let answer = ask(&query).await;
        assert_eq!((answer.status, answer.text("error")), (400, error), "{query}");
        assert!(!answer.text("error_description").is_empty());
    }
}

#[tokio::test]
async fn an_identity_that_the_machine_has_not_is_not_found() {
    let answer = ask(&format!("api-version=2018-02-01&{RESOURCE}&client_id=unknown")).await;
    let body = json!({ "error": "invalid_request", "error_description": "Identity not found" });
    assert_eq!((answer.status, &answer.body), (400, &body));
}

#[tokio::test]
async fn the_metadata_header_must_be_there_and_say_true() {
    let path = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{RESOURCE}");
    for headers in [&[][..], &[("Metadata", "True")], &[("Metadata", "1")]] {
        let answer = get(azure(), &path, headers).await;
        assert_eq!((answer.status, answer.text("error")), (400, "bad_request_102"));
    }
}

#[tokio::test]
async fn requests_are_recorded_with_their_status() {
    let azure = azure();
    let path = "/metadata/identity/oauth2/token?marker=recorded";
    get(azure, path, &[("Metadata", "true")]).await;
    let requests = azure.identity_service().requests();
    let request = requests.iter().find(|request| request.path_and_query == path).unwrap();
    assert_eq!((request.protocol, request.status), (Protocol::Imds, Some(400)));
    assert_eq!(request.method, "GET");
}

#[tokio::test]
async fn another_path_is_not_found() {
    let answer = get(azure(), "/metadata/instance", &[("Metadata", "true")]).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn tokens_of_two_requests_differ() {
    let query = format!("api-version=2018-02-01&{RESOURCE}");
    let (first, second) = (ask(&query).await, ask(&query).await);
    assert_ne!(first.text("access_token"), second.text("access_token"));
}
