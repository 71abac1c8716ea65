//! The token endpoint of Entra ID, over a raw socket.

use std::collections::BTreeMap;

use postgres_entra::emulator::{ClientType, Login, TENANT_ID, TokenSpec};
use serde_json::json;

use super::support::*;

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const APP: Login = Login::ServicePrincipal;
const WORKLOAD: Login = Login::WorkloadIdentity;

type Form = BTreeMap<&'static str, String>;

fn secret_form() -> Form {
    let vars = vars(azure(), APP, ClientType::Python);
    Form::from([
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", vars["AZURE_POSTGRESQL_CLIENTID"].clone()),
        ("client_secret", vars["AZURE_POSTGRESQL_CLIENTSECRET"].clone()),
        ("scope", SCOPE.to_owned()),
    ])
}

fn assertion_form() -> Form {
    let vars = vars(azure(), WORKLOAD, ClientType::Python);
    let assertion = std::fs::read_to_string(&vars["AZURE_FEDERATED_TOKEN_FILE"]).unwrap();
    Form::from([
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", vars["AZURE_CLIENT_ID"].clone()),
        ("client_assertion_type", BEARER.to_owned()),
        ("client_assertion", assertion),
        ("scope", SCOPE.to_owned()),
    ])
}

async fn ask(tenant: &str, form: &Form) -> Answer {
    let form: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    post_form(azure(), &format!("/{tenant}/oauth2/v2.0/token"), &form.join("&")).await
}

#[tokio::test]
async fn a_client_secret_gets_a_token_with_integers() {
    for tenant in [TENANT_ID, "contoso.onmicrosoft.com"] {
        let answer = ask(tenant, &secret_form()).await;
        assert_eq!((answer.status, answer.text("token_type")), (200, "Bearer"));
        assert_eq!(answer.body["expires_in"], json!(3_600));
        assert_eq!(answer.body["ext_expires_in"], json!(3_600));
        let claims = answer.claims();
        assert_eq!(claims.object_id(), APP.object_id());
        assert_eq!(claims.tenant_id(), Some(TENANT_ID));
        assert_eq!(claims.text("idtyp"), Some("app"));
        assert_eq!(claims.text("ver"), Some("1.0"));
        assert_eq!(claims.text("xms_mirid"), None);
    }
}

#[tokio::test]
async fn the_federated_token_of_the_file_gets_a_token_also_after_a_rotation() {
    let before = assertion_form();
    azure().identity_service().rotate_federated_token().unwrap();
    let after = assertion_form();
    assert_ne!(before["client_assertion"], after["client_assertion"]);
    for form in [before, after] {
        let answer = ask(TENANT_ID, &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.claims().object_id(), WORKLOAD.object_id());
    }
}

#[tokio::test]
async fn refusals_carry_the_codes_and_ids_of_entra() {
    let cases = [
        ("grant_type", "password", 400, "unsupported_grant_type", 70_003),
        ("grant_type", "", 400, "invalid_request", 900_144),
        ("client_id", "", 400, "invalid_request", 900_144),
        ("client_id", "unknown", 400, "unauthorized_client", 700_016),
        ("client_secret", "wrong", 401, "invalid_client", 7_000_215),
        ("client_secret", "", 401, "invalid_client", 7_000_218),
        ("scope", "", 400, "invalid_request", 900_144),
        ("scope", "https://ossrdbms-aad.database.windows.net", 400, "invalid_scope", 70_011),
        ("scope", "https://vault.azure.net/.default", 400, "invalid_resource", 500_011),
    ];
    for (field, value, status, error, code) in cases {
        let mut form = secret_form();
        form.insert(field, value.to_owned());
        let answer = ask(TENANT_ID, &form).await;
        assert_refusal(&answer, status, error, code);
    }
}

fn assert_refusal(answer: &Answer, status: u16, error: &str, code: u32) {
    assert_eq!((answer.status, answer.text("error")), (status, error), "{answer:?}");
    assert_eq!(answer.body["error_codes"], json!([code]));
    let description = answer.text("error_description");
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    for (label, name) in [("Trace ID", "trace_id"), ("Correlation ID", "correlation_id")] {
        let line = format!("\r\n{label}: {}", answer.text(name));
        assert!(description.contains(&line), "{description}");
    }
    assert!(description.ends_with(answer.text("timestamp")), "{description}");
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_is_not_found() {
    let answer = ask("fabrikam.onmicrosoft.com", &secret_form()).await;
    assert_refusal(&answer, 400, "invalid_request", 90_002);
}

#[tokio::test]
async fn an_assertion_that_is_not_of_the_federated_account_is_refused() {
    let access_token = token(azure(), WORKLOAD);
    let for_exchange = TokenSpec::new(WORKLOAD).audience("api://AzureADTokenExchange");
    let for_exchange = azure().identity_service().mint_token(&for_exchange);
    for assertion in ["nonsense".to_owned(), access_token, for_exchange] {
        let mut form = assertion_form();
        form.insert("client_assertion", assertion);
        assert_refusal(&ask(TENANT_ID, &form).await, 400, "invalid_request", 70_021);
    }
    let mut form = assertion_form();
    form.insert("client_id", APP.client_id().unwrap().to_owned());
    assert_refusal(&ask(TENANT_ID, &form).await, 400, "invalid_request", 70_021);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
    let headers = [("Content-Type", "application/json")];
    let answer = exchange(azure(), &request("POST", &path, &headers, "{}")).await.unwrap();
    assert_refusal(&answer, 400, "invalid_request", 900_561);
}

#[tokio::test]
async fn secrets_are_not_recorded() {
    ask(TENANT_ID, &secret_form()).await;
    let secret = &secret_form()["client_secret"];
    assert!(!format!("{:?}", azure().identity_service().requests()).contains(secret.as_str()));
}
