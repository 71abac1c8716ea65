//! The endpoint of App Service, over a raw socket.

use postgres_entra::emulator::{ClientType, Login, Platform};

use super::support::*;

const QUERY: &str =
    "api-version=2019-08-01&resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";
const SYSTEM: Login = Login::SystemAssigned(Platform::AppService);
const USER: Login = Login::UserAssigned(Platform::AppService);

/// Asks with the endpoint and header that the platform would set.
async fn ask(query: &str) -> Answer {
    let azure = azure();
    let vars = vars(azure, SYSTEM, ClientType::Python);
    let path = vars["IDENTITY_ENDPOINT"].strip_prefix(azure.identity_service().base_url()).unwrap();
    get(azure, &format!("{path}?{query}"), &[("X-IDENTITY-HEADER", &vars["IDENTITY_HEADER"])]).await
}

#[tokio::test]
async fn the_system_assigned_identity_gets_a_token_without_expires_in() {
    let answer = ask(QUERY).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.get("expires_in"), None);
    assert_eq!(Some(answer.text("client_id")), SYSTEM.client_id());
    let times = ["expires_on", "not_before"].map(|name| answer.text(name).parse::<i64>().unwrap());
    assert_eq!(times[0] - times[1], 86_400 + 300);
    assert_eq!(answer.claims().object_id(), SYSTEM.object_id());
    assert_eq!(answer.claims().text("xms_mirid"), SYSTEM.resource_id());
}

#[tokio::test]
async fn each_selector_of_this_endpoint_names_the_user_assigned_identity() {
    let selectors = [
        ("client_id", USER.client_id()),
        ("principal_id", USER.object_id()),
        ("object_id", USER.object_id()),
        ("mi_res_id", USER.resource_id()),
    ];
    for (name, id) in selectors {
        let answer = ask(&format!("{QUERY}&{name}={}", id.unwrap())).await;
        assert_eq!(answer.claims().object_id(), USER.object_id(), "{name}");
    }
}

#[tokio::test]
async fn an_identity_that_the_site_has_not_is_not_found() {
    let answer = ask(&format!("{QUERY}&client_id=unknown")).await;
    assert_eq!((answer.status, &answer.body["statusCode"]), (400, &400.into()));
    assert_eq!(
        answer.text("message"),
        "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
    );
    assert_eq!(answer.text("correlationId").len(), 36);
}

#[tokio::test]
async fn requests_that_the_endpoint_would_refuse_are_refused() {
    let resource = "resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";
    let cases = [
        (resource.to_owned(), 400),
        (format!("api-version=2018-02-01&{resource}"), 400),
        ("api-version=2019-08-01".to_owned(), 400),
        (format!("{QUERY}%2F.default"), 500),
        (format!("{QUERY}&client_id=a&mi_res_id=b"), 400),
    ];
    for (query, status) in cases {
        let answer = ask(&query).await;
        assert_eq!(answer.status, status, "{query}");
        assert_eq!(answer.body["statusCode"], status, "{query}");
    }
}

#[tokio::test]
async fn the_identity_header_must_have_the_value_of_the_variable() {
    let path = format!("/msi/token?{QUERY}");
    for headers in [&[][..], &[("X-IDENTITY-HEADER", "guess")], &[("Metadata", "true")]] {
        assert_eq!(get(azure(), &path, headers).await.status, 401);
    }
}
