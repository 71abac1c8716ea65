//! The endpoints of Azure Arc, Azure Machine Learning, Container Instances, Cloud Shell and the older App Service, over
//! raw sockets: what each asks of a client.

use postgres_entra::emulator::{ClientType, Login, Platform, Protocol};

use super::support::*;

const RESOURCE: &str = "resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";

/// The path and query of a variable that leads to the identity service, and the endpoint's secret.
fn endpoint(login: Login) -> (String, String) {
    let vars = vars(azure(), login, ClientType::Python);
    let one_of = |names: [&str; 2]| names.iter().find_map(|name| vars.get(*name)).cloned();
    let url = one_of(["IDENTITY_ENDPOINT", "MSI_ENDPOINT"]).unwrap();
    let path = url.strip_prefix(azure().identity_service().base_url()).unwrap().to_owned();
    (path, one_of(["IDENTITY_HEADER", "MSI_SECRET"]).unwrap_or_default())
}

async fn ask(login: Login, query: &str, headers: &[(&str, &str)]) -> Answer {
    let (path, _) = endpoint(login);
    let joint = if path.contains('?') { '&' } else { '?' };
    get(azure(), &format!("{path}{joint}{query}"), headers).await
}

#[tokio::test]
async fn each_endpoint_issues_to_its_own_identities() {
    for platform in [Platform::OlderAppService, Platform::MachineLearning] {
        let user = Login::UserAssigned(platform);
        let (_, secret) = endpoint(user);
        let query = format!("api-version=2017-09-01&{RESOURCE}");
        let id = format!("{query}&clientid={}", user.client_id().unwrap());
        for (query, login) in [(query, Login::SystemAssigned(platform)), (id, user)] {
            let answer = ask(user, &query, &[("secret", &secret)]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.claims().object_id(), login.object_id());
            assert_eq!(answer.claims().text("xms_mirid"), login.resource_id());
        }
    }
    let user = Login::UserAssigned(Platform::ContainerInstances);
    let (_, secret) = endpoint(user);
    let id = format!("{RESOURCE}&principalId={}", user.object_id().unwrap());
    let answer = ask(user, &id, &[("secret", &secret)]).await;
    assert_eq!(answer.claims().object_id(), user.object_id());
}

#[tokio::test]
async fn the_older_app_service_writes_dates() {
    let login = Login::SystemAssigned(Platform::OlderAppService);
    let (_, secret) = endpoint(login);
    let query = format!("api-version=2017-09-01&{RESOURCE}");
    let answer = ask(login, &query, &[("secret", &secret)]).await;
    let date = answer.text("expires_on");
    // Such as 06/20/2019 02:57:58 +00:00.
    assert_eq!((date.len(), &date[2..3], &date[5..6]), (26, "/", "/"), "{date}");
    assert!(date.ends_with(" +00:00"), "{date}");
}

#[tokio::test]
async fn a_secret_must_have_the_value_of_the_variable_and_its_own_header() {
    for platform in
        [Platform::OlderAppService, Platform::MachineLearning, Platform::ContainerInstances]
    {
        let login = Login::SystemAssigned(platform);
        let (_, secret) = endpoint(login);
        let version = match platform {
            Platform::ContainerInstances => "",
            _ => "api-version=2017-09-01&",
        };
        for headers in [&[][..], &[("secret", "guess")], &[("X-IDENTITY-HEADER", &secret)]] {
            let answer = ask(login, &format!("{version}{RESOURCE}"), headers).await;
            assert_eq!(answer.status, 401, "{platform:?} {headers:?}");
        }
    }
}

#[tokio::test]
async fn requests_that_the_endpoints_would_refuse_are_refused() {
    let (learning, containers) = (Platform::MachineLearning, Platform::ContainerInstances);
    let version = "api-version=2017-09-01";
    let cases = [
        (learning, RESOURCE.to_owned(), 400),
        (learning, format!("api-version=2019-08-01&{RESOURCE}"), 400),
        (learning, version.to_owned(), 400),
        (learning, format!("{version}&{RESOURCE}&clientid=unknown"), 400),
        (containers, String::new(), 400),
        (containers, format!("{RESOURCE}&api-version=2019-08-01"), 400),
        (containers, format!("{RESOURCE}&principalId=unknown"), 404),
    ];
    for (platform, query, status) in cases {
        let login = Login::SystemAssigned(platform);
        let (_, secret) = endpoint(login);
        let answer = ask(login, &query, &[("secret", &secret)]).await;
        assert_eq!(answer.status, status, "{platform:?} {query}");
    }
}

#[tokio::test]
async fn the_agent_of_azure_arc_asks_for_what_is_in_a_file() {
    let login = Login::UserAssigned(Platform::AzureArc);
    let id = login.client_id().unwrap();
    let query = format!("api-version=2020-06-01&{RESOURCE}&client_id={id}");
    let metadata = ("Metadata", "true");
    let challenge = ask(login, &query, &[metadata]).await;
    assert_eq!(challenge.status, 401);
    let realm = challenge.head.split("www-authenticate: Basic realm=").nth(1).unwrap();
    let file = std::path::Path::new(realm.lines().next().unwrap());
    assert_eq!(file.parent(), Some(azure().identity_service().arc_tokens_folder()));
    let key = std::fs::read_to_string(file).unwrap();

    let proof = format!("Basic {key}");
    for wrong in ["Basic guess", "Basic ", &proof.replace("Basic", "Bearer")] {
        let refused = ask(login, &query, &[metadata, ("Authorization", wrong)]).await;
        assert_eq!(refused.status, 401, "{wrong}");
        assert!(!refused.head.contains("www-authenticate"), "{}", refused.head);
    }
    let answer = ask(login, &query, &[metadata, ("Authorization", &proof)]).await;
    assert_eq!(answer.claims().object_id(), login.object_id());
    let echo = ["client_id", "object_id", "msi_res_id"].map(|name| Some(answer.text(name)));
    assert_eq!(echo, [login.client_id(), login.object_id(), login.resource_id()]);
    // Once, and the file is gone.
    let again = ask(login, &query, &[metadata, ("Authorization", &proof)]).await;
    assert_eq!((again.status, file.exists()), (401, false));

    for (query, headers) in [
        (query.as_str(), &[][..]),
        (RESOURCE, &[metadata]),
        ("api-version=2020-06-01", &[metadata]),
    ] {
        assert_eq!(ask(login, query, headers).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn cloud_shell_takes_a_form_and_gives_the_persons_token() {
    let (path, _) = endpoint(Login::CloudShell);
    let form_type = ("Content-Type", "application/x-www-form-urlencoded");
    let post = async |headers: &[(&str, &str)], body: &str| {
        exchange(azure(), &request("POST", &path, headers, body)).await.unwrap()
    };
    let metadata = ("Metadata", "true");
    let answer = post(&[metadata, form_type], RESOURCE).await;
    assert_eq!(answer.claims().object_id(), Login::CloudShell.object_id());
    assert_eq!(answer.claims().login_name(), Some("ada@contoso.onmicrosoft.com"));

    let refused = [
        post(&[form_type], RESOURCE).await,
        post(&[metadata], RESOURCE).await,
        post(&[metadata, form_type], "").await,
        post(&[metadata, form_type], "resource=https%3A%2F%2Fvault.azure.net").await,
    ];
    for answer in &refused {
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(refused[3].body["error"]["code"], "AudienceNotSupported");
    assert_eq!(get(azure(), &format!("{path}?{RESOURCE}"), &[metadata]).await.status, 405);
}

/// Its authority and name are checked by whoever logs in through it; this is what is left.
#[tokio::test]
async fn a_token_for_the_proxy_of_a_binding_is_none_for_entra() {
    let vars = vars(azure(), Login::IdentityBinding, ClientType::Python);
    let assertion = std::fs::read_to_string(&vars["AZURE_FEDERATED_TOKEN_FILE"]).unwrap();
    let form = format!(
        "grant_type=client_credentials&client_id={}&scope=https%3A%2F%2Fossrdbms-aad.database.windows.net%2F.default\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}",
        vars["AZURE_CLIENT_ID"]
    );
    let path = format!("/{}/oauth2/v2.0/token", vars["AZURE_TENANT_ID"]);
    let answer = post_form(azure(), &path, &form).await;
    assert_eq!(answer.body["error_codes"][0], 70_021, "{answer:?}");
}

#[tokio::test]
async fn each_request_is_recorded_under_its_protocol() {
    let cases = [
        ("/msi/token", Protocol::AppService),
        ("/MSI/auth", Protocol::MachineLearning),
        ("/oauth2/token", Protocol::CloudShell),
        ("/arc/metadata/identity/oauth2/token", Protocol::AzureArc),
        ("/container-instances/metadata/identity/oauth2/token", Protocol::ContainerInstances),
        ("/identity-binding/t/oauth2/v2.0/token", Protocol::Unknown),
    ];
    for (path, protocol) in cases {
        let path = format!("{path}?by=each_request_is_recorded_under_its_protocol");
        get(azure(), &path, &[]).await;
        let requests = azure().identity_service().requests();
        let own = requests.iter().find(|request| request.path_and_query == path).unwrap();
        assert_eq!(own.protocol, protocol, "{path}");
    }
}
