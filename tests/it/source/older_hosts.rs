//! Azure Arc, Azure Machine Learning with the older App Service, and Cloud Shell: exact requests, what is refused, and
//! a login with what they hand out.

use std::{fs, path::Path};

use postgres_entra::{
    AccessToken, Connector, Environment, Settings, TokenError, TokenErrorKind, TokenSource,
    UserAssignedId,
    emulator::{ClientType, Login, Platform, TokenSpec},
    source::{AzureArc, CloudShell, MsiEndpoint},
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
    let token = shared_azure().identity_service().mint_token(&TokenSpec::new(login));
    let token = AccessToken::new(
        token,
        std::time::SystemTime::now() + std::time::Duration::from_secs(3600),
    );
    UserAssignedId::ClientId(token.unwrap().claims().unwrap().client_id().unwrap().to_owned())
}

async fn logs_in(source: impl TokenSource) {
    let settings = Settings::from_vars(shared_azure().vars(LOGIN, ClientType::Python)).unwrap();
    let connector = Connector::builder().settings(settings).token_source(source).build().unwrap();
    connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
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
    logs_in(arc(&server, folder.path())).await;

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
    let server = Server::start([token_of(LOGIN)]).await;
    logs_in(msi(&server, None, &[])).await;
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
    logs_in(CloudShell::from_environment(&environment(&server)).unwrap()).await;
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
