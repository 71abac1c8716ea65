//! No secret of a request and no token shows anywhere.

#[path = "common/http.rs"]
mod http;
#[path = "common/log.rs"]
mod log;

use std::sync::LazyLock;

use http::{Server, answer};
use log::Log;
use postgres_entra::{
    Environment, TokenSource,
    source::{AppService, Chain, ClientSecret, Imds, WorkloadIdentity},
};
use tracing_subscriber::layer::SubscriberExt;

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// Every secret in these tests contains this.
const MARK: &str = "hunter2";

/// Everything that this process logs, from TRACE up. One subscriber for all tests: tracing remembers
/// per call site whether anybody listened when it was first reached.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    log
});

/// A file that holds a service account token, removed when the test is over.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn new(name: &str) -> Self {
        let name = format!("postgres-entra-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, format!("{MARK}-assertion\n")).unwrap();
        Self(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn sources(url: &str, file: &TokenFile) -> Vec<Box<dyn TokenSource>> {
    let environment = Environment::from_vars([
        ("IDENTITY_ENDPOINT", url.to_owned()),
        ("IDENTITY_HEADER", format!("{MARK}-header")),
    ]);
    let secret = || {
        let source = ClientSecret::new("tenant", "client", format!("{MARK} ~secret\"")).unwrap();
        source.with_authority_host(url).unwrap()
    };
    let workload = WorkloadIdentity::new("tenant", "client", &file.0).unwrap();
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
    LazyLock::force(&LOG);
    let token = format!(r#"{{"access_token":"{MARK}-token","expires_in":60}}"#);
    let expired = format!(r#"{{"access_token":"{MARK}-token","expires_in":0}}"#);
    let cut = &token[..token.len() - 4];
    let file = TokenFile::new("shown");
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
    let text = LOG.text();
    assert!(text.contains("token received") && text.contains("token request failed"), "{text}");
    assert!(!text.contains(MARK), "{text}");
}

#[tokio::test]
async fn a_secret_that_the_service_echoes_is_removed() {
    LazyLock::force(&LOG);
    let file = TokenFile::new("echoed");
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
    assert!(!LOG.text().contains(MARK), "{}", LOG.text());
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
