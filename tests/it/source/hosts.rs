//! Azure Arc, Azure Machine Learning with the older App Service, Container Instances on Windows and Cloud Shell: exact
//! requests, what is refused, and logins at the local Azure. What its variables suffice for is logged in everywhere in
//! these tests (`Login::ALL`).

use std::{fs, path::Path};

use postgres_entra::{
    Connector, Environment, Settings, TokenError, TokenErrorKind, TokenSource, UserAssignedId,
    emulator::{ClientType, Login, Platform, TokenSpec},
    source::{AppService, AzureArc, CloudShell, ContainerInstances, Imds, MsiEndpoint},
};

use crate::support::{
    chain,
    http::{Server, answer, answer_with},
    shared_azure,
};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const RESOURCE: &str = "https://ossrdbms-aad.database.windows.net";
const LOGIN: Login = Login::SystemAssigned(Platform::VirtualMachine);
const USER: Login = Login::UserAssigned(Platform::VirtualMachine);
const KEY: &str = "key-of-the-agent";

/// An answer with a token of this login, as the endpoints write it.
fn token_of(login: Login) -> Vec<u8> {
    let token = shared_azure().identity_service().mint_token(&TokenSpec::new(login));
    let expires =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
            + 3600;
    answer(
        200,
        format!(r#"{{"access_token":"{token}","expires_on":"{expires}","token_type":"Bearer"}}"#),
    )
}

fn client_id(login: Login) -> UserAssignedId {
    UserAssignedId::ClientId(login.client_id().unwrap().to_owned())
}

/// Logs in to the local Azure with the tokens of this source.
async fn logs_in(login: Login, source: impl TokenSource) {
    let azure = shared_azure();
    let settings = Settings::from_vars(azure.vars(login, ClientType::Python)).unwrap();
    let connector = Connector::builder().settings(settings).token_source(source).build().unwrap();
    let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let row = client.query_one("SELECT current_user::text", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), azure.server().role(login));
}

fn environment_of(login: Login) -> Environment {
    Environment::from_vars(shared_azure().vars(login, ClientType::Python))
}

/// The three ways to name the user-assigned identity.
fn names_of_user() -> [UserAssignedId; 3] {
    [
        UserAssignedId::ClientId(USER.client_id().unwrap().into()),
        UserAssignedId::ObjectId(USER.object_id().unwrap().into()),
        UserAssignedId::ResourceId(USER.resource_id().unwrap().into()),
    ]
}

#[tokio::test]
async fn a_machine_of_azure_arc_logs_in_as_itself_and_as_each_name_of_its_other_identity() {
    let folder = shared_azure().identity_service().arc_tokens_folder();
    let login = Login::SystemAssigned(Platform::AzureArc);
    let arc = || {
        let source = AzureArc::from_environment(&environment_of(login)).unwrap();
        source.with_tokens_folder(folder)
    };
    logs_in(login, arc()).await;
    for name in names_of_user() {
        logs_in(Login::UserAssigned(Platform::AzureArc), arc().with_identity(name)).await;
    }
    // Without that folder it would be anybody's file.
    let unmoved = AzureArc::from_environment(&environment_of(login)).unwrap();
    let error = unmoved.fetch_token(SCOPE).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::InvalidResponse, "{error}");
}

#[tokio::test]
async fn a_windows_container_logs_in_as_itself_and_by_an_object_id() {
    let login = Login::SystemAssigned(Platform::ContainerInstances);
    let source = || ContainerInstances::from_environment(&environment_of(login)).unwrap();
    logs_in(login, source()).await;
    let user = Login::UserAssigned(Platform::ContainerInstances);
    logs_in(user, source().with_object_id(USER.object_id().unwrap())).await;

    let error = Connector::from_vars(shared_azure().vars(user, ClientType::Python)).unwrap_err();
    let text = error.to_string();
    for part in ["Container Instances on Windows", "with_object_id", "IDENTITY_ENDPOINT"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn the_endpoint_of_a_windows_container_is_asked_with_its_own_version() {
    for id in [None, Some(USER.object_id().unwrap())] {
        let login = if id.is_some() { USER } else { LOGIN };
        let server = Server::start([token_of(login)]).await;
        let path = "metadata/identity/oauth2/token?api-version=1.0";
        let environment = Environment::from_vars([
            ("IDENTITY_ENDPOINT", format!("{}/{path}", server.url())),
            ("IDENTITY_HEADER", "hunter2".to_owned()),
        ]);
        let source = ContainerInstances::from_environment(&environment).unwrap();
        let source = match id {
            Some(id) => source.with_object_id(id),
            None => source,
        };
        source.fetch_token(SCOPE).await.unwrap();
        let request = server.request();
        assert_eq!((request.method.as_str(), request.header("secret")), ("GET", Some("hunter2")));
        let selector = id.map(|id| format!("&principalId={id}")).unwrap_or_default();
        let resource = "https%3A%2F%2Fossrdbms-aad.database.windows.net";
        assert_eq!(request.target, format!("/{path}&resource={resource}{selector}"));
    }
}

fn challenge(file: &Path) -> Vec<u8> {
    let header = format!("www-authenticate: Basic realm={}\r\n", file.display());
    answer_with(401, &header, "")
}

fn arc(server: &Server, folder: &Path) -> AzureArc {
    let endpoint = format!("{}/metadata/identity/oauth2/token", server.url());
    let environment = Environment::from_vars([("IDENTITY_ENDPOINT", endpoint)]);
    AzureArc::from_environment(&environment).unwrap().with_tokens_folder(folder)
}

fn msi(server: &Server, id: Option<&UserAssignedId>, more: &[(&str, &str)]) -> MsiEndpoint {
    let url = server.url();
    let vars = [("MSI_ENDPOINT", url.as_str()), ("MSI_SECRET", "hunter2")];
    let vars = vars.iter().chain(more).copied();
    MsiEndpoint::from_environment(&Environment::from_vars(vars), id).unwrap()
}

#[tokio::test]
async fn arc_proves_itself_with_the_file_that_the_agent_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0123.key");
    fs::write(&file, KEY).unwrap();
    let server = Server::start([challenge(&file), token_of(LOGIN)]).await;
    logs_in(LOGIN, arc(&server, folder.path())).await;

    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!((request.method.as_str(), request.header("metadata")), ("GET", Some("true")));
        assert!(request.target.starts_with("/metadata/identity/oauth2/token?"));
        let query = request.query();
        assert_eq!(query.get("api-version").map(String::as_str), Some("2020-06-01"));
        assert_eq!(query.get("resource").map(String::as_str), Some(RESOURCE));
        assert_eq!(query.len(), 2);
    }
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[1].header("authorization"), Some(format!("Basic {KEY}").as_str()));
}

/// Whoever answers in the agent's place must not learn what other files hold.
#[tokio::test]
async fn arc_reads_no_file_but_a_key_in_the_agents_folder() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |file: std::path::PathBuf, length: usize| {
        fs::write(&file, "k".repeat(length)).unwrap();
        file
    };
    fs::create_dir(folder.path().join("sub")).unwrap();
    let elsewhere = write(other.path().join("a.key"), 10);
    let name = other.path().file_name().unwrap().to_str().unwrap().to_owned();
    let refused = [
        elsewhere,
        write(folder.path().join("a.txt"), 10),
        write(folder.path().join("sub").join("a.key"), 10),
        folder.path().join("..").join(name).join("a.key"),
        folder.path().join(".."),
        "a.key".into(),
        "".into(),
    ];
    for file in refused {
        let server = Server::start([challenge(&file)]).await;
        let error = arc(&server, folder.path()).fetch_token(SCOPE).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::InvalidResponse, "{file:?}: {error}");
        assert_eq!(server.requests().len(), 1, "{file:?}");
    }
    for file in [write(folder.path().join("long.key"), 4097), folder.path().join("absent.key")] {
        let server = Server::start([challenge(&file)]).await;
        let error = arc(&server, folder.path()).fetch_token(SCOPE).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration, "{file:?}: {error}");
        assert!(error.to_string().contains("himds"), "{error}");
        assert_eq!(server.requests().len(), 1, "{file:?}");
    }
    let longest = write(folder.path().join("longest.key"), 4096);
    let server = Server::start([challenge(&longest), token_of(LOGIN)]).await;
    arc(&server, folder.path()).fetch_token(SCOPE).await.unwrap();
}

#[tokio::test]
async fn arc_takes_no_token_without_a_challenge_and_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start([token_of(LOGIN)]).await;
    let error = arc(&server, folder.path()).fetch_token(SCOPE).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::InvalidResponse, "{error}");

    let file = folder.path().join("a.key");
    fs::write(&file, KEY).unwrap();
    let body = format!(r#"{{"error":"forbidden","error_description":"not with {KEY}"}}"#);
    let server = Server::start([challenge(&file), answer(403, body)]).await;
    let error = arc(&server, folder.path()).fetch_token(SCOPE).await.unwrap_err();
    assert_eq!(error.status(), Some(403), "{error}");
    assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
}

async fn is_refused(source: impl TokenSource) {
    let error: TokenError = source.fetch_token(SCOPE).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("user-assigned identity"), "{error}");
}

#[tokio::test]
async fn an_answer_for_another_identity_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.key");
    fs::write(&file, KEY).unwrap();
    let asked = client_id(USER);
    let server =
        Server::start([challenge(&file), token_of(USER), challenge(&file), token_of(LOGIN)]).await;
    let source = arc(&server, folder.path()).with_identity(asked.clone());
    source.fetch_token(SCOPE).await.unwrap();
    is_refused(source).await;

    let server = Server::start([token_of(USER), token_of(LOGIN)]).await;
    let source = msi(&server, Some(&asked), &[]);
    source.fetch_token(SCOPE).await.unwrap();
    is_refused(source).await;

    for name in names_of_user() {
        let server = Server::start([token_of(USER), token_of(LOGIN)]).await;
        let source = Imds::new().with_base_url(&server.url()).unwrap().with_identity(name.clone());
        source.fetch_token(SCOPE).await.unwrap();
        is_refused(source).await;

        let server = Server::start([token_of(USER), token_of(LOGIN)]).await;
        let source = AppService::new(&server.url(), "header").unwrap().with_identity(name);
        source.fetch_token(SCOPE).await.unwrap();
        is_refused(source).await;
    }

    let server = Server::start([token_of(USER), token_of(LOGIN)]).await;
    let environment = Environment::from_vars([
        ("IDENTITY_ENDPOINT", format!("{}?api-version=1.0", server.url())),
        ("IDENTITY_HEADER", "header".to_owned()),
    ]);
    let source = ContainerInstances::from_environment(&environment).unwrap();
    let source = source.with_object_id(USER.object_id().unwrap());
    source.fetch_token(SCOPE).await.unwrap();
    is_refused(source).await;
}

#[tokio::test]
async fn the_msi_endpoint_is_asked_with_its_secret_and_a_client_id() {
    let UserAssignedId::ClientId(id) = client_id(USER) else { panic!("a client id") };
    let default = [("DEFAULT_IDENTITY_CLIENT_ID", id.as_str())];
    let named = UserAssignedId::ClientId(id.clone());
    let cases = [
        (None, &[][..], None, LOGIN),
        (None, &default[..], Some(&id), USER),
        (Some(&named), &[][..], Some(&id), USER),
    ];
    for (identity, vars, expected, login) in cases {
        let server = Server::start([token_of(login)]).await;
        msi(&server, identity, vars).fetch_token(SCOPE).await.unwrap();
        let request = server.request();
        assert_eq!((request.method.as_str(), request.header("secret")), ("GET", Some("hunter2")));
        let query = request.query();
        assert_eq!(query.get("api-version").map(String::as_str), Some("2017-09-01"));
        assert_eq!(query.get("resource").map(String::as_str), Some(RESOURCE));
        assert_eq!(query.get("clientid"), expected);
    }
    let refusal = r#"{"statusCode":400,"message":"No MSI found, hunter2","correlationId":"c"}"#;
    let server = Server::start(vec![answer(400, refusal); 4]).await;
    let error = msi(&server, None, &[]).fetch_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().contains("assign the managed identity"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn cloud_shell_is_asked_with_a_form() {
    let environment = |server: &Server| Environment::from_vars([("MSI_ENDPOINT", server.url())]);
    let server = Server::start([token_of(LOGIN)]).await;
    let source = CloudShell::from_environment(&environment(&server)).unwrap();
    source.fetch_token(SCOPE).await.unwrap();
    let request = server.request();
    assert_eq!((request.method.as_str(), request.header("metadata")), ("POST", Some("true")));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.form(), [("resource".to_owned(), RESOURCE.to_owned())].into());

    let refusal =
        r#"{"error":{"code":"AudienceNotSupported","message":"Audience is not supported."}}"#;
    let server = Server::start([answer(400, refusal)]).await;
    let source = CloudShell::from_environment(&environment(&server)).unwrap();
    let error = source.fetch_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().contains("Audience is not supported"), "{error}");
}

/// The advice for what is refused can be followed where it is given: with the platform's variables still there.
#[tokio::test]
async fn on_service_fabric_a_service_principal_logs_in_as_the_error_says() {
    let azure = shared_azure();
    let fabric = [
        ("IDENTITY_ENDPOINT", "https://localhost:2377/metadata/identity/oauth2/token"),
        ("IDENTITY_HEADER", "hunter2"),
        ("IDENTITY_SERVER_THUMBPRINT", "0123456789abcdef0123456789abcdef01234567"),
        ("IDENTITY_API_VERSION", "2020-05-01"),
    ];
    let fabric = fabric.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let with_fabric = |mut vars: Vec<(String, String)>| {
        vars.retain(|(name, _)| !name.starts_with("IDENTITY_"));
        vars.extend(fabric.clone());
        vars
    };
    let login = Login::SystemAssigned(Platform::AppService);
    let error =
        Connector::from_vars(with_fabric(azure.vars(login, ClientType::Other))).unwrap_err();
    let text = error.to_string();
    for part in ["Service Fabric", "IDENTITY_SERVER_THUMBPRINT", "AZURE_POSTGRESQL_CLIENTSECRET"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let vars = with_fabric(azure.vars(Login::ServicePrincipal, ClientType::Other));
    Connector::from_vars(vars).unwrap().connect().await.unwrap();
}
