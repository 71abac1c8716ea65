//! What becomes of the answers of identity services.

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use crate::{
    AccessToken, Cloud, Connector, Environment, Error, Identity, Settings, TokenCache, TokenError,
    TokenErrorKind, TokenSource, UserAssignedId,
    source::{
        AppService, AzureArc, Chain, ClientSecret, CloudShell, ContainerInstances, Credential,
        Imds, MsiEndpoint, WorkloadIdentity, failures_of_https, failures_of_tools, from_fn, heard,
        known_codes,
    },
};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const ID: &str = "11111111-2222-3333-4444-555555555555";

/// A service on loopback that gives each request the same answer.
async fn answering(answer: String) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The requests are small enough to come in one piece.
            let _ = stream.read(&mut [0; 65_536]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The error of the first attempt; the source may make others.
async fn failure(source: &dyn TokenSource) -> TokenError {
    let (tell, mut told) = mpsc::unbounded_channel();
    let fetch = heard(move |failed| drop(tell.send(failed.error)), source.fetch_token(SCOPE));
    tokio::select! {
        Some(error) = told.recv() => error,
        answer = fetch => answer.expect_err("no token"),
    }
}

/// What the cache makes of what a source brings.
async fn refused_by_cache(answer: Result<AccessToken, TokenError>) -> Error {
    let source = from_fn(move |_| std::future::ready(answer.clone()));
    TokenCache::new(source, SCOPE).token().await.unwrap_err().into()
}

fn imds(url: &str) -> Arc<dyn TokenSource> {
    Arc::new(Imds::new().with_base_url(url).unwrap())
}

fn app_service(url: &str) -> Arc<dyn TokenSource> {
    Arc::new(AppService::new(url, "hunter2").unwrap())
}

fn msi_endpoint(url: &str) -> Arc<dyn TokenSource> {
    let vars = [("MSI_ENDPOINT", url), ("MSI_SECRET", "hunter2")];
    let id = UserAssignedId::ClientId(ID.to_owned());
    Arc::new(MsiEndpoint::from_environment(&Environment::from_vars(vars), Some(&id)).unwrap())
}

fn container_instances(url: &str) -> Arc<dyn TokenSource> {
    let vars = [("IDENTITY_ENDPOINT", url), ("IDENTITY_HEADER", "hunter2")];
    Arc::new(ContainerInstances::from_environment(&Environment::from_vars(vars)).unwrap())
}

fn cloud_shell(url: &str) -> Arc<dyn TokenSource> {
    Arc::new(
        CloudShell::from_environment(&Environment::from_vars([("MSI_ENDPOINT", url)])).unwrap(),
    )
}

fn arc(url: &str) -> Arc<dyn TokenSource> {
    let variables = Environment::from_vars([("IDENTITY_ENDPOINT", url)]);
    Arc::new(AzureArc::from_environment(&variables).unwrap())
}

fn entra(url: &str) -> Arc<dyn TokenSource> {
    let secret = ClientSecret::new(ID, ID, "hunter2").unwrap();
    Arc::new(secret.with_authority_host(url).unwrap())
}

pub(super) async fn of_answers() -> Vec<Error> {
    type Row = (fn(&str) -> Arc<dyn TokenSource>, u16, &'static str);
    let rows: &[Row] = &[
        (imds, 200, "<html>sign in</html>"),
        (imds, 200, "{}"),
        (imds, 200, r#"{"access_token":"t"}"#),
        (imds, 200, r#"{"access_token":"","expires_in":9}"#),
        (imds, 200, r#"{"access_token":"a b","expires_in":9}"#),
        (imds, 302, ""),
        (imds, 400, r#"{"error":"invalid_request"}"#),
        (imds, 400, r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
        (
            imds,
            400,
            r#"{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}"#,
        ),
        (
            imds,
            400,
            r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#,
        ),
        (
            imds,
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}"#,
        ),
        (
            imds,
            403,
            "connecting to 169.254.169.254:80: dial tcp 169.254.169.254:80: connectex: A socket operation was attempted to an unreachable network.",
        ),
        (imds, 403, "no AzureAssignedIdentity found for pod:default/app in assigned state"),
        (imds, 403, "Missing Metadata-Flavor:Google header."),
        (imds, 404, "no azure identity found for request clientID 1"),
        (
            imds,
            404,
            "getting assigned identities for pod default/app in ASSIGNED state failed after 16 attempts",
        ),
        (imds, 404, "<html><head><title>404 - Not Found</title></head></html>"),
        (imds, 410, ""),
        (imds, 429, ""),
        (imds, 500, r#"{"error":"unknown","error_description":"Failed to retrieve token"}"#),
        (
            app_service,
            400,
            r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.","correlationId":"c-1"}"#,
        ),
        (
            app_service,
            400,
            r#"{"statusCode":400,"message":"Unable to load the proper Managed Identity."}"#,
        ),
        (
            app_service,
            400,
            r#"{"statusCode":400,"message":"Unable to load requested managed identity."}"#,
        ),
        (app_service, 401, "Unauthorized"),
        (
            app_service,
            404,
            r#"{"error":{"code":"DefaultIdentityNotDefined","message":"DefaultIdentityNotDefined "}}"#,
        ),
        (app_service, 403, "<html><h1>Blocked</h1></html>"),
        (app_service, 405, "<html><h1>Not allowed</h1></html>"),
        (app_service, 500, "An error occurred"),
        (msi_endpoint, 401, "Invalid secret token header"),
        (msi_endpoint, 200, r#"{"access_token":"t","expires_in":3600}"#),
        (msi_endpoint, 200, r#"{"access_token":"e30.eyJhcHBpZCI6IngifQ.c2ln","expires_in":3600}"#),
        (
            cloud_shell,
            400,
            r#"{"statusCode":400,"message":"The api-version is missing or not supported."}"#,
        ),
        (
            cloud_shell,
            400,
            r#"{"error":{"code":"AudienceNotSupported","message":"Audience x is not a supported MSI token audience."}}"#,
        ),
        (
            container_instances,
            404,
            r#"{"error":{"code":"DefaultIdentityNotDefined","message":"DefaultIdentityNotDefined "}}"#,
        ),
        (container_instances, 401, ""),
        (arc, 200, r#"{"access_token":"t","expires_in":3600}"#),
        (arc, 401, ""),
        (arc, 403, r#"{"error":"forbidden"}"#),
        (entra, 400, r#"{"error":"temporarily_unavailable"}"#),
        (
            entra,
            400,
            r#"{"error":"invalid_grant","error_codes":[50034],"trace_id":"t-1","correlation_id":"c-1"}"#,
        ),
        (entra, 400, r#"{"detail":{"reason":"a shape of its own"}}"#),
        (
            entra,
            403,
            "<html><head><title>Blocked</title></head><body>Ask the help desk.</body></html>",
        ),
        (entra, 404, ""),
        (entra, 429, ""),
        (entra, 503, ""),
        (entra, 503, "<html><h1>Service unavailable</h1></html>"),
    ];
    let mut errors = Vec::new();
    for (source, status, body) in rows {
        let url = answering(answer(*status, body)).await;
        errors.push(failure(&*source(&url)).await.into());
    }
    errors
}

/// Where no answer comes, or none that is HTTP.
pub(super) async fn of_silence() -> Vec<Error> {
    let nobody = "http://127.0.0.1:1";
    let junk = answering("SSH-2.0-OpenSSH_9.6\r\n".to_owned()).await;
    let cut_off = answering("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{".to_owned()).await;
    let sources = [
        container_instances(nobody),
        msi_endpoint(nobody),
        cloud_shell(nobody),
        arc(nobody),
        imds(nobody),
        app_service(nobody),
        entra(nobody),
        imds(&junk),
        imds(&cut_off),
    ];
    let mut errors: Vec<Error> = Vec::new();
    for source in sources {
        errors.push(failure(&*source).await.into());
    }
    errors.extend(failures_of_https().into_iter().map(Error::from));
    errors
}

/// Each code of Entra's that is known.
pub(super) async fn of_entra_codes() -> Vec<Error> {
    let mut errors = Vec::new();
    for code in known_codes() {
        let url = answering(answer(400, &format!(r#"{{"error_codes":[{code}]}}"#))).await;
        errors.push(failure(&*entra(&url)).await.into());
    }
    errors
}

/// What this machine holds.
pub(super) async fn of_this_machine() -> Vec<Error> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:1");
    let header = Environment::from_vars([endpoint, ("IDENTITY_HEADER", "é")]);
    let workload = |file: PathBuf| WorkloadIdentity::new(ID, ID, file).unwrap();
    let through = |file: &'static str, name: &'static str, url: String| {
        let proxy =
            [("AZURE_KUBERNETES_TOKEN_PROXY".to_owned(), url), (name.to_owned(), file.to_owned())];
        let token = folder.path().join("good");
        workload(token).in_environment(Cloud::Public, &Environment::from_vars(proxy)).unwrap()
    };
    file("good", "e30.e30.c2ln");
    let proxy = answering("no TLS".to_owned()).await.replace("http:", "https:");
    let challenge = "HTTP/1.1 401 X\r\nwww-authenticate: Basic realm=/var/opt/azcmagent/tokens/";
    let (key, no_key) = (format!("{challenge}1.key\r\n\r\n"), format!("{challenge}1.txt\r\n\r\n"));
    file("1.key", "two\nlines");
    let agent = Environment::from_vars([("IDENTITY_ENDPOINT", answering(key.clone()).await)]);
    let agent = AzureArc::from_environment(&agent).unwrap().with_tokens_folder(folder.path());
    let sources: Vec<Arc<dyn TokenSource>> = vec![
        Arc::new(AppService::from_environment(&header).unwrap()),
        Arc::new(workload(folder.path().join("missing"))),
        Arc::new(workload(file("long", &"x".repeat(70_000)))),
        Arc::new(workload(file("other", "no token"))),
        Arc::new(through("/nonexistent", "AZURE_KUBERNETES_CA_FILE", proxy.clone())),
        Arc::new(through("no certificate", "AZURE_KUBERNETES_CA_DATA", proxy)),
        Arc::new(through("any", "AZURE_KUBERNETES_CA_DATA", "https://127.0.0.1:1".to_owned())),
        arc(&answering(no_key).await),
        arc(&answering(key).await),
        Arc::new(agent),
    ];
    let mut errors: Vec<Error> = Vec::new();
    for source in sources {
        errors.push(failure(&*source).await.into());
    }
    errors.extend(failures_of_tools().into_iter().map(Error::from));
    errors
}

/// What an application brings in code.
pub(super) async fn of_code() -> Vec<Error> {
    let refusing = || {
        let kind = azure_core::error::ErrorKind::Credential;
        Err(azure_core::Error::with_message(kind, "no variable"))
    };
    let denied = || Err(TokenError::new(TokenErrorKind::Denied, "custom", "what it says"));
    let sources: Vec<Arc<dyn TokenSource>> = vec![
        Arc::new(Credential::from_factory(refusing)),
        Arc::new(Credential::from_factory(|| panic!("what it says"))),
        Arc::new(Chain::new([])),
        Arc::new(Chain::new([]).then(from_fn(move |_| std::future::ready(denied())))),
    ];
    let mut errors: Vec<Error> = Vec::new();
    for source in sources {
        errors.push(failure(&*source).await.into());
    }
    let (now, minute) = (SystemTime::now(), Duration::from_secs(60));
    errors.push(AccessToken::new("", now).unwrap_err().into());
    errors.push(AccessToken::new("a b", now).unwrap_err().into());
    let other = "e30.eyJhdWQiOiJodHRwczovL290aGVyIn0.c2ln";
    let tokens = [
        AccessToken::new("t", now - 9 * minute),
        AccessToken::new(other, now + minute),
        AccessToken::new("t", now + Duration::from_millis(300)),
        denied(),
    ];
    for token in tokens {
        errors.push(refused_by_cache(token).await);
    }
    let panics = from_fn(|_| async { panic!("what it says") });
    errors.push(TokenCache::new(panics, SCOPE).token().await.unwrap_err().into());
    let never = TokenCache::new(from_fn(|_| std::future::pending()), SCOPE);
    let outside = std::thread::spawn(move || {
        let timeless = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = timeless.block_on(never.token()).unwrap_err();
        [refused, never.token().now_or_never().unwrap().unwrap_err()]
    });
    errors.extend(outside.join().unwrap().map(Error::from));
    errors.push(of_management_token().await);
    errors
}

/// The name of the user is asked for with a token of another service.
async fn of_management_token() -> Error {
    let source = from_fn(|scope: String| async move {
        match scope.contains("management") {
            true => Err(TokenError::new(TokenErrorKind::Denied, "custom", "what it says")),
            false => AccessToken::new("t", SystemTime::now() + Duration::from_secs(60)),
        }
    });
    let settings = Settings::new("contoso.postgres.database.azure.com", Identity::SystemAssigned);
    let builder = Connector::builder().settings(settings).token_source(source);
    let connector = builder.user_from_management_token(true).build().unwrap();
    connector.libpq_variables().await.unwrap_err()
}
