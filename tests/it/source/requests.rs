//! The exact requests that the sources send, on real sockets.

use std::{collections::BTreeMap, time::Duration};

use crate::support::http::{Server, answer};
use postgres_entra::{
    Environment, TokenErrorKind, TokenSource, UserAssignedId,
    source::{AppService, ClientSecret, Imds, WorkloadIdentity},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const RESOURCE: &str = "https://ossrdbms-aad.database.windows.net";
const TOKEN: &str = r#"{"access_token":"abc","expires_in":"3599"}"#;

/// The same with whose token it is.
const OWN_TOKEN: &str = r#"{"access_token":"abc","expires_in":"3599","client_id":"c-1","object_id":"o-1",
    "msi_res_id":"/subscriptions/s/x y&z"}"#;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An identity, if one is named, and the pair that selects it in the query.
type Selector = (Option<UserAssignedId>, Option<(&'static str, &'static str)>);

/// None, and the three ways to name one; the last needs encoding.
fn selectors(names: [&'static str; 3]) -> [Selector; 4] {
    let [client, object, resource] = names;
    [
        (None, None),
        (Some(UserAssignedId::ClientId("c-1".into())), Some((client, "c-1"))),
        (Some(UserAssignedId::ObjectId("o-1".into())), Some((object, "o-1"))),
        (
            Some(UserAssignedId::ResourceId("/subscriptions/s/x y&z".into())),
            Some((resource, "/subscriptions/s/x y&z")),
        ),
    ]
}

#[tokio::test]
async fn imds_is_asked_with_metadata_and_each_selector() {
    for (identity, selector) in selectors(["client_id", "object_id", "msi_res_id"]) {
        let server = Server::start([answer(200, OWN_TOKEN)]).await;
        let source = Imds::new().with_base_url(&server.url()).unwrap();
        let source = match identity {
            Some(identity) => source.with_identity(identity),
            None => source,
        };
        assert_eq!(source.fetch_token(SCOPE).await.unwrap().secret(), "abc");

        let request = server.request();
        assert_eq!(request.method, "GET");
        let path = request.target.split('?').next().unwrap();
        assert_eq!(path, "/metadata/identity/oauth2/token");
        let mut expected = map(&[("api-version", "2018-02-01"), ("resource", RESOURCE)]);
        expected.extend(selector.map(|(name, id)| (name.to_owned(), id.to_owned())));
        assert_eq!(request.query(), expected);
        let headers = map(&[
            ("accept", "application/json"),
            ("connection", "close"),
            ("host", server.url().strip_prefix("http://").unwrap()),
            ("metadata", "true"),
        ]);
        assert_eq!((request.headers, request.body.as_str()), (headers, ""));
    }
}

#[tokio::test]
async fn the_resource_is_percent_encoded_in_the_query() {
    let server = Server::start([answer(200, TOKEN)]).await;
    Imds::new().with_base_url(&server.url()).unwrap().fetch_token(SCOPE).await.unwrap();
    assert_eq!(
        server.request().target,
        "/metadata/identity/oauth2/token?api-version=2018-02-01\
         &resource=https%3A%2F%2Fossrdbms-aad.database.windows.net"
    );
}

#[tokio::test]
async fn the_base_of_imds_can_be_moved_by_its_variable() {
    let server = Server::start([answer(200, TOKEN)]).await;
    let url = format!("{}/tunnel/", server.url());
    let environment = Environment::from_vars([("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)]);
    Imds::from_environment(&environment).unwrap().fetch_token(SCOPE).await.unwrap();
    assert!(server.request().target.starts_with("/tunnel/metadata/identity/oauth2/token?"));
}

#[tokio::test]
async fn app_service_is_asked_with_its_header_and_each_selector() {
    for (identity, selector) in selectors(["client_id", "principal_id", "mi_res_id"]) {
        let server = Server::start([answer(200, OWN_TOKEN)]).await;
        let environment = Environment::from_vars([
            ("IDENTITY_ENDPOINT", format!("{}/msi/token?kept=1", server.url())),
            ("IDENTITY_HEADER", "the header".to_owned()),
        ]);
        let source = AppService::from_environment(&environment).unwrap();
        let source = match identity {
            Some(identity) => source.with_identity(identity),
            None => source,
        };
        assert_eq!(source.fetch_token(SCOPE).await.unwrap().secret(), "abc");

        let request = server.request();
        assert_eq!(
            (request.method.as_str(), request.target.split('?').next()),
            ("GET", Some("/msi/token"))
        );
        let mut expected =
            map(&[("kept", "1"), ("api-version", "2019-08-01"), ("resource", RESOURCE)]);
        expected.extend(selector.map(|(name, id)| (name.to_owned(), id.to_owned())));
        assert_eq!(request.query(), expected);
        assert_eq!(request.header("x-identity-header"), Some("the header"));
    }
}

#[tokio::test]
async fn an_identity_header_that_no_header_can_hold_is_an_error_without_its_value() {
    let server = Server::start([answer(200, TOKEN)]).await;
    let source = AppService::new(&server.url(), "hunter2\r\nx: y").unwrap();
    let error = source.fetch_token(SCOPE).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Configuration);
    assert!(!format!("{error} {error:?} {source:?}").contains("hunter2"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_client_secret_is_sent_in_the_form() {
    let server = Server::start([answer(200, TOKEN)]).await;
    let secret = "s3cr~t +&=%é";
    let source = ClientSecret::new("contoso.onmicrosoft.com", "c-1", secret)
        .unwrap()
        .with_authority_host(&server.url())
        .unwrap();
    assert_eq!(source.fetch_token(SCOPE).await.unwrap().secret(), "abc");

    let request = server.request();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/contoso.onmicrosoft.com/oauth2/v2.0/token");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let expected = map(&[
        ("client_id", "c-1"),
        ("client_secret", secret),
        ("grant_type", "client_credentials"),
        ("scope", SCOPE),
    ]);
    assert_eq!(request.form(), expected);
}

#[tokio::test]
async fn a_workload_identity_reads_its_file_at_each_exchange() {
    let server = Server::start([answer(200, TOKEN), answer(200, TOKEN)]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let source = WorkloadIdentity::new("t-1", "c-1", file.path())
        .unwrap()
        .with_authority_host(&format!("{}/", server.url()))
        .unwrap();
    let assertions = ["e30.e30.first", "e30.e30.second"];
    // The second as Windows tools write it, with a byte order mark.
    for (before, assertion) in ["  ", "\u{feff}"].iter().zip(assertions) {
        std::fs::write(&file, format!("{before}{assertion}\n")).unwrap();
        source.fetch_token(SCOPE).await.unwrap();
    }
    for (request, assertion) in server.requests().iter().zip(assertions) {
        assert_eq!(request.target, "/t-1/oauth2/v2.0/token");
        let expected = map(&[
            ("client_id", "c-1"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("grant_type", "client_credentials"),
            ("scope", SCOPE),
        ]);
        assert_eq!(request.form(), expected);
    }
}

#[tokio::test]
async fn a_token_file_that_can_not_be_used_is_a_configuration_error() {
    let server = Server::start([]).await;
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("missing", None),
        ("empty", Some(b" \n".to_vec())),
        ("binary", Some(vec![0xff; 16])),
        ("huge", Some([&b"e30.e30."[..], &vec![b'a'; 65 * 1024]].concat())),
        ("key", Some(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----".to_vec())),
        ("password", Some(b"hunter2".to_vec())),
        ("json", Some(br#"{"access_token": "e30.e30.hunter2"}"#.to_vec())),
        ("variables", Some(b"TOKEN=e30.e30.hunter2".to_vec())),
        ("two", Some(b"e30.e30.hunter2 e30.e30.hunter2".to_vec())),
        ("encrypted", Some(b"e30.e30.e30.e30.hunter2".to_vec())),
        ("host", Some(b"login.example.com".to_vec())),
    ];
    for (name, content) in cases {
        let file = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let source = WorkloadIdentity::new("t-1", "c-1", file)
            .unwrap()
            .with_authority_host(&server.url())
            .unwrap();
        let error = source.fetch_token(SCOPE).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration, "{error}");
        assert!(error.hint().contains("AZURE_FEDERATED_TOKEN_FILE"));
        let cause = std::error::Error::source(&error).unwrap();
        assert!(!format!("{error} {error:?} {cause} {cause:?}").contains("hunter2"), "{cause}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_dropped_fetch_closes_its_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fetch =
        tokio::spawn(
            async move { Imds::new().with_base_url(&url).unwrap().fetch_token(SCOPE).await },
        );
    let (mut stream, _) = listener.accept().await.unwrap();
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    stream.read_exact(&mut [0; 64]).await.unwrap();
    stream.write_all(head).await.unwrap();
    fetch.abort();
    assert!(fetch.await.unwrap_err().is_cancelled());
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection is still open");
}
