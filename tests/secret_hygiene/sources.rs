//! No secret of a request and no token shows anywhere.

use crate::support::http::{Server, answer};
use crate::support::log::Log;
use postgres_entra::{
    Environment, TokenSource,
    source::{AppService, Chain, ClientSecret, Imds, WorkloadIdentity},
};
use tempfile::NamedTempFile;

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// Every secret in these tests contains this.
const MARK: &str = "hunter2";

/// A file that holds a service account token, removed when the test is over.
fn token_file() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(&file, format!("e30.e30.{MARK}-assertion\n")).unwrap();
    file
}

fn sources(url: &str, file: &NamedTempFile) -> Vec<Box<dyn TokenSource>> {
    let environment = Environment::from_vars([
        ("IDENTITY_ENDPOINT", url.to_owned()),
        ("IDENTITY_HEADER", format!("{MARK}-header")),
    ]);
    let secret = || {
        let source = ClientSecret::new("tenant", "client", format!("{MARK} ~secret\"")).unwrap();
        source.with_authority_host(url).unwrap()
    };
    let workload = WorkloadIdentity::new("tenant", "client", file.path()).unwrap();
    vec![
        Box::new(Imds::new().with_base_url(url).unwrap()),
        Box::new(AppService::new(url, format!("{MARK}-header")).unwrap()),
        Box::new(AppService::from_environment(&environment).unwrap()),
        Box::new(secret()),
        Box::new(workload.with_authority_host(url).unwrap()),
        Box::new(Chain::new([]).then(secret())),
    ]
}

#[tokio::test]
async fn neither_errors_nor_debug_nor_logs_show_a_secret() {
    let log = Log::of_process();
    let token = format!(r#"{{"access_token":"{MARK}-token","expires_in":60}}"#);
    let expired = format!(r#"{{"access_token":"{MARK}-token","expires_on":1500000000}}"#);
    let cut = &token[..token.len() - 4];
    let file = token_file();
    for (status, body) in [(200, token.as_str()), (200, &expired), (200, cut), (200, MARK)] {
        let count = sources("http://127.0.0.1:1", &file).len();
        for index in 0..count {
            let server = Server::start([answer(status, body)]).await;
            let source = sources(&server.url(), &file).swap_remove(index);
            let result = source.fetch_token(SCOPE).await;
            let mut shown = format!("{source:?} {result:?}");
            if let Err(error) = result {
                shown.push_str(&everything(&error));
            }
            assert!(!shown.contains(MARK), "{shown}");
            assert_eq!(server.requests().len(), 1);
        }
    }
    let text = log.text();
    assert!(text.contains("token received") && text.contains("token request failed"), "{text}");
    assert!(!text.contains(MARK), "{text}");
}

#[tokio::test]
async fn a_secret_that_the_service_echoes_is_removed() {
    let log = Log::of_process();
    let file = token_file();
    for index in 1..6 {
        // What came in goes out: the header, or the form as it was written and as it was meant.
        let probe = Server::start([answer(400, "")]).await;
        let _ = sources(&probe.url(), &file).swap_remove(index).fetch_token(SCOPE).await;
        let request = probe.request();
        let echo = format!("{:?} {} {:?}", request.headers, request.body, request.form());
        assert!(echo.contains(MARK));

        let json = serde_json::json!({"error": echo, "error_description": echo, "message": echo});
        for body in [echo.clone(), json.to_string()] {
            let server = Server::start([answer(400, body)]).await;
            let source = sources(&server.url(), &file).swap_remove(index);
            let error = source.fetch_token(SCOPE).await.unwrap_err();
            let shown = everything(&error);
            assert!(!shown.contains(MARK), "{shown}");
        }
    }
    let text = log.text();
    assert!(text.contains("token request failed"), "{text}");
    assert!(!text.contains(MARK), "{text}");
}

/// An error with all its causes, in both forms.
fn everything(error: &dyn std::error::Error) -> String {
    let mut shown = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        shown.push_str(&format!("{error} {error:?} "));
        next = error.source();
    }
    shown
}
