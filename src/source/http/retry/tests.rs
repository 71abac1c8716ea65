use std::{
    error::Error as StdError,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use tokio::time::Instant;

use super::*;
use crate::{
    error::TokenErrorKind,
    source::{
        AppService, ClientSecret, Imds, TokenSource,
        http::{self, Body, Client, Failure, Response},
    },
};

const TOKEN: &str = r#"{"access_token":"abc","expires_in":3600}"#;
const TRANSIENT_AADSTS: &str = r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#;
const ISSUER_SILENT: &str = r#"{"error":"invalid_request","error_codes":[90061]}"#;
const UNASSIGNED: &str = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
const APP_UNASSIGNED: &str =
    r#"{"statusCode":400,"message":"No Managed Identity found for specified ClientId"}"#;
const NO_FEDERATION: &str = r#"{"error":"invalid_client","error_codes":[700213]}"#;

/// What the identity service does with a request.
#[derive(Clone, Copy, Debug)]
enum Act {
    Answer(u16, &'static str),
    RetryAfter(u16, &'static str),
    Refuse,
    Stall,
}

/// A client that plays a list; its last entry is repeated for ever.
#[derive(Debug)]
struct Script {
    acts: Vec<Act>,
    requests: AtomicUsize,
}

impl Script {
    fn new(acts: &[Act]) -> Arc<Self> {
        Arc::new(Self { acts: acts.to_vec(), requests: AtomicUsize::new(0) })
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn next(&self) -> Act {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        self.acts[number.min(self.acts.len() - 1)]
    }
}

impl http::Script for Script {
    fn play(&self) -> Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send + '_>> {
        let act = self.next();
        Box::pin(async move {
            let (status, wait, body) = match act {
                Act::Answer(status, body) => (status, None, body),
                Act::RetryAfter(status, wait) => (status, Some(wait), ""),
                Act::Refuse => {
                    return Err(Failure::new(
                        TokenErrorKind::Unreachable,
                        "no connection",
                        "refused",
                    ));
                }
                Act::Stall => std::future::pending().await,
            };
            let wait = wait.map(|wait| (RETRY_AFTER, HeaderValue::from_static(wait)));
            Ok(Response {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::from_iter(wait),
                body: Body::Whole(Some(body.into())),
            })
        })
    }
}

fn imds(client: Arc<Script>) -> Box<dyn TokenSource> {
    Box::new(Imds::new().with_client(Client::Scripted(client)))
}

fn app_service(client: Arc<Script>) -> Box<dyn TokenSource> {
    Box::new(
        AppService::new("http://localhost/", "header")
            .unwrap()
            .with_client(Client::Scripted(client)),
    )
}

fn entra(client: Arc<Script>) -> Box<dyn TokenSource> {
    Box::new(
        ClientSecret::new("tenant", "id", "secret").unwrap().with_client(Client::Scripted(client)),
    )
}

/// Fetches once: the result, the number of requests, and the seconds it took.
async fn fetch(
    source: fn(Arc<Script>) -> Box<dyn TokenSource>,
    acts: &[Act],
) -> (Result<AccessToken, TokenError>, usize, f64) {
    let script = Script::new(acts);
    let start = Instant::now();
    let result = source(script.clone()).fetch_token("https://resource/.default").await;
    (result, script.requests(), start.elapsed().as_secs_f64())
}

/// The waits may be longer by a tenth, for jitter.
fn assert_took(seconds: f64, expected: f64, context: &str) {
    let range = expected..=expected * 1.1 + 0.01;
    assert!(range.contains(&seconds), "{context}: took {seconds} s, expected {expected} s");
}

#[tokio::test(start_paused = true)]
async fn each_failure_is_retried_as_the_platform_says() {
    let answer = |status| Act::Answer(status, "");
    type Source = fn(Arc<Script>) -> Box<dyn TokenSource>;
    let cases: &[(&str, Source, Act, usize, f64)] = &[
        ("IMDS", imds, answer(400), 1, 0.0),
        ("IMDS", imds, Act::Answer(400, UNASSIGNED), 4, 7.0),
        ("App Service", app_service, Act::Answer(400, APP_UNASSIGNED), 4, 7.0),
        ("IMDS", imds, answer(401), 1, 0.0),
        ("IMDS", imds, answer(403), 1, 0.0),
        ("IMDS", imds, answer(302), 1, 0.0),
        ("IMDS", imds, answer(404), 6, 23.0),
        ("IMDS", imds, answer(410), 8, 70.0),
        ("IMDS", imds, answer(429), 6, 23.0),
        ("IMDS", imds, answer(500), 6, 23.0),
        ("IMDS", imds, answer(503), 6, 23.0),
        ("IMDS", imds, Act::Refuse, 4, 7.0),
        ("IMDS", imds, Act::Stall, 4, 67.0),
        ("IMDS", imds, Act::Answer(200, "junk"), 1, 0.0),
        ("App Service", app_service, answer(400), 1, 0.0),
        ("App Service", app_service, answer(404), 4, 7.0),
        ("App Service", app_service, answer(408), 4, 7.0),
        ("App Service", app_service, answer(429), 4, 7.0),
        ("App Service", app_service, answer(500), 4, 7.0),
        ("App Service", app_service, Act::Refuse, 4, 7.0),
        ("App Service", app_service, Act::Stall, 4, 67.0),
        ("Entra", entra, answer(400), 1, 0.0),
        ("Entra", entra, answer(401), 1, 0.0),
        ("Entra", entra, Act::Answer(400, TRANSIENT_AADSTS), 4, 7.0),
        ("Entra", entra, Act::Answer(400, ISSUER_SILENT), 4, 7.0),
        ("Entra", entra, Act::Answer(401, NO_FEDERATION), 4, 7.0),
        ("Entra", entra, answer(429), 4, 7.0),
        ("Entra", entra, answer(503), 4, 7.0),
        ("Entra", entra, Act::Refuse, 4, 7.0),
        ("Entra", entra, Act::Stall, 4, 87.0),
        ("Entra", entra, Act::Answer(200, "junk"), 1, 0.0),
    ];
    for &(name, source, act, requests, seconds) in cases {
        let (result, made, took) = fetch(source, &[act]).await;
        assert!(result.is_err());
        let context = format!("{name} {act:?}");
        assert_eq!(made, requests, "{context}");
        assert_took(took, seconds, &context);
    }
}

#[tokio::test(start_paused = true)]
async fn what_retry_after_asks_for_wins_within_limits() {
    for (asked, wait) in [("5", 5.0), ("0", 1.0), ("86400", 60.0), ("soon", 1.0)] {
        let acts = [Act::RetryAfter(429, asked), Act::Answer(200, TOKEN)];
        for source in [imds, app_service, entra] {
            let (result, requests, took) = fetch(source, &acts).await;
            assert_eq!((result.unwrap().secret(), requests), ("abc", 2));
            assert_took(took, wait, asked);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlast_the_fetch_is_left_to_the_cache() {
    for source in [imds, app_service, entra] {
        let (result, requests, took) = fetch(source, &[Act::RetryAfter(429, "50")]).await;
        assert_eq!(result.unwrap_err().retry_after(), Some(Duration::from_secs(50)));
        assert_eq!(requests, 2);
        assert_took(took, 50.0, "one wait");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_the_retries() {
    let updating = Act::Answer(410, "");
    let acts = [updating, updating, Act::Refuse, Act::Answer(200, TOKEN)];
    let (result, requests, took) = fetch(imds, &acts).await;
    assert_eq!((result.unwrap().secret(), requests), ("abc", 4));
    assert_took(took, 24.0, "10 + 10 + 4");
}

#[tokio::test(start_paused = true)]
async fn a_federated_credential_that_is_not_found_once_is_looked_for_again() {
    let missing = Act::Answer(401, NO_FEDERATION);
    let (result, requests, _) = fetch(entra, &[missing, Act::Answer(200, TOKEN)]).await;
    assert_eq!((result.unwrap().secret(), requests), ("abc", 2));

    let (result, ..) = fetch(entra, &[missing]).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Denied);
    assert!(error.hint().contains("federated credential"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_was_just_assigned_is_asked_for_again() {
    for (source, unassigned) in [(imds as fn(_) -> _, UNASSIGNED), (app_service, APP_UNASSIGNED)] {
        let unassigned = Act::Answer(400, unassigned);
        let (result, requests, _) = fetch(source, &[unassigned, Act::Answer(200, TOKEN)]).await;
        assert_eq!((result.unwrap().secret(), requests), ("abc", 2));

        let (result, ..) = fetch(source, &[unassigned]).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Denied);
        assert!(error.hint().contains("assign the managed identity"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_keeps_the_last_answer_as_its_cause() {
    let (result, ..) = fetch(imds, &[Act::Answer(503, "busy"), Act::Stall]).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Timeout);
    let cause = error.source().unwrap().downcast_ref::<TokenError>().unwrap();
    assert_eq!(cause.status(), Some(503));
    assert!(cause.to_string().contains("busy"), "{cause}");
    assert_eq!(error.hint(), cause.hint());
}

#[tokio::test(start_paused = true)]
async fn nobody_at_the_address_of_imds_says_what_to_do_elsewhere() {
    let (result, ..) = fetch(imds, &[Act::Refuse]).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Unreachable);
    assert!(error.hint().contains("AZURE_TOKEN_CREDENTIALS=dev"), "{error}");
}

#[test]
fn where_there_should_be_no_imds_a_lost_packet_is_sent_once_more() {
    let unreachable = TokenError::new(TokenErrorKind::Unreachable, "s", "m");
    assert_eq!(imds_elsewhere(&unreachable, 0), Some(Duration::from_secs(1)));
    assert_eq!(imds_elsewhere(&unreachable, 1), None);
    for status in [404, 410, 429, 500, 503] {
        let answered = TokenError::new(TokenErrorKind::Unavailable, "s", "m").with_status(status);
        for retry in 0..9 {
            assert_eq!(imds_elsewhere(&answered, retry), super::imds(&answered, retry), "{status}");
        }
    }
}
