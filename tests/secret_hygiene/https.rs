//! The way to Microsoft Entra ID over HTTPS: a client with layers of its own, which log too.
//!
//! The test runs itself again as a child that trusts the authority of the test. Linux alone, because
//! `SSL_CERT_FILE` is of no use where the system keeps its certificates elsewhere.

use postgres_entra::{
    Cloud, Environment, TokenCache,
    source::{ClientSecret, WorkloadIdentity},
};

use super::{
    Shown,
    support::{
        child,
        fake_server::{Authority, FakeServer},
        leaks::Secrets,
        log::Log,
        trusted,
    },
};

const TEST: &str = "no_secret_is_logged_on_the_way_to_entra";
const CLIENT_SECRET: &str = "s3cret~of+the/client=over-https";
const ASSERTION: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcCJ9.c2lnbmVkLWJ5LWt1YmVybmV0ZXM";
const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiI1ZjBjMWEyYi0wMDAwLTQwMDAtODAwMCJ9.c2lnbmVkLWJ5LWVudHJh";
/// The tenant whose requests are refused with all that was in them.
const REFUSED: &str = "refused.example";

#[tokio::test]
async fn no_secret_is_logged_on_the_way_to_entra() {
    if child::part().is_some() {
        return fetch_and_scan().await;
    }
    let authority = Authority::new();
    let (_folder, roots) = trusted(&authority);
    let entra = FakeServer::https(authority.acceptor("localhost", |_| ()), answer).await;
    let mut command = child::command(module_path!(), TEST, "fetch");
    command
        .env("AZURE_AUTHORITY_HOST", format!("https://localhost:{}", entra.port()))
        .env("SSL_CERT_FILE", roots)
        .env("NO_PROXY", "localhost");
    child::passes(command).await;
    assert_eq!(entra.connections(), 4, "the requests came here");
}

fn answer(request: &str) -> (u16, String) {
    if request.contains(REFUSED) {
        let answer = serde_json::json!({ "error": "invalid_client", "error_description": request });
        return (401, answer.to_string());
    }
    (200, serde_json::json!({ "access_token": TOKEN, "expires_in": 3600 }).to_string())
}

async fn fetch_and_scan() {
    let (log, shown) = (Log::of_process(), Shown::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, ASSERTION).unwrap();
    for tenant in ["accepted.example", REFUSED] {
        let secret = ClientSecret::new(tenant, "client", CLIENT_SECRET).unwrap();
        let secret = secret.in_environment(Cloud::Public, &Environment::process()).unwrap();
        let workload = WorkloadIdentity::new(tenant, "client", file.path()).unwrap();
        let workload = workload.in_environment(Cloud::Public, &Environment::process()).unwrap();
        shown.debug(&secret);
        shown.debug(&workload);
        let scope = Cloud::Public.scope();
        for cache in [TokenCache::new(secret, scope), TokenCache::new(workload, scope)] {
            let fetched = cache.token().await;
            assert_eq!(fetched.is_err(), tenant == REFUSED, "{fetched:?}");
            shown.debug(&fetched);
            shown.debug(&cache);
            shown.debug(&cache.stats());
            if let Err(error) = fetched {
                shown.error(&error);
            }
        }
    }

    let mut secrets = Secrets::default();
    secrets.add("client secret", CLIENT_SECRET);
    secrets.add_jwt("federated token", ASSERTION);
    secrets.add_jwt("token", TOKEN);
    log.assert_records(&["postgres_entra::source", "postgres_entra::cache", "hyper_util::client"]);
    assert_eq!(secrets.found_in(&log.text()), [""; 0], "in the log");
    assert_eq!(secrets.found_in(&shown.text()), [""; 0], "in what was shown");
}
