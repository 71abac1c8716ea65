use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use azure_core::{
    Error,
    credentials::{AccessToken as SdkToken, TokenRequestOptions},
    http::{RawResponse, StatusCode, headers::Headers},
};

use super::*;

const SCOPE: &str = "https://resource/.default";

/// A credential that answers with what a function makes.
struct Fake(fn() -> azure_core::Result<SdkToken>);

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake(hunter2)")
    }
}

impl TokenCredential for Fake {
    fn get_token<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        _scopes: &'b [&'c str],
        _options: Option<TokenRequestOptions<'d>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<SdkToken>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        'c: 'f,
        'd: 'f,
        Self: 'f,
    {
        let answer = (self.0)();
        Box::pin(async move { answer })
    }
}

fn token(text: &'static str, life: i64) -> azure_core::Result<SdkToken> {
    let now = SystemTime::now();
    let left = Duration::from_secs(life.unsigned_abs());
    let expires_on = if life < 0 { now - left } else { now + left };
    Ok(SdkToken::new(text, expires_on.into()))
}

fn wrapped(kind: ErrorKind) -> azure_core::Result<SdkToken> {
    let inner = Error::with_message(kind, "inner");
    Err(Error::with_error(ErrorKind::Credential, inner, "FakeCredential authentication failed"))
}

fn refusal(status: u16, code: &str, body: &'static str) -> azure_core::Result<SdkToken> {
    let status = StatusCode::from(status);
    wrapped(ErrorKind::HttpResponse {
        status,
        error_code: Some(code.to_owned()),
        raw_response: Some(Box::new(RawResponse::from_bytes(status, Headers::new(), body))),
    })
}

async fn fetch_from(
    answer: fn() -> azure_core::Result<SdkToken>,
) -> Result<AccessToken, TokenError> {
    Credential::new(Arc::new(Fake(answer))).fetch_token(SCOPE).await
}

#[tokio::test]
async fn a_token_keeps_its_text_and_expiry() {
    let token = fetch_from(|| token("abc", 3600)).await.unwrap();
    assert_eq!(token.secret(), "abc");
    assert!(token.life_left(SystemTime::now()) > Duration::from_secs(3590));
}

#[tokio::test]
async fn an_empty_token_is_refused() {
    let error = fetch_from(|| token("", 3600)).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::InvalidToken);
}

#[tokio::test]
async fn the_kind_comes_from_the_error_inside() {
    type Answer = fn() -> azure_core::Result<SdkToken>;
    let cases: [(Answer, TokenErrorKind); 8] = [
        (|| refusal(401, "7000215", ""), TokenErrorKind::Denied),
        (|| refusal(400, "90033", ""), TokenErrorKind::Unavailable),
        (|| refusal(429, "", ""), TokenErrorKind::Throttled),
        (|| refusal(503, "", ""), TokenErrorKind::Unavailable),
        (|| wrapped(ErrorKind::Connection), TokenErrorKind::Unreachable),
        (|| wrapped(ErrorKind::Io), TokenErrorKind::Unreachable),
        (|| wrapped(ErrorKind::DataConversion), TokenErrorKind::Unavailable),
        (|| wrapped(ErrorKind::Other), TokenErrorKind::Denied),
    ];
    for (answer, kind) in cases {
        let error = fetch_from(answer).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.source().is_some());
    }
    let error = fetch_from(|| refusal(401, "7000215", "")).await.unwrap_err();
    assert_eq!((error.status(), error.aadsts()), (Some(401), &[7_000_215][..]));
    assert!(error.hint().contains("client secret"), "{error}");
    let error = fetch_from(|| refusal(400, "50034", "")).await.unwrap_err();
    assert!(error.hint().contains("error?code=50034"), "{error}");
}

#[tokio::test]
async fn what_is_missing_on_this_machine_is_a_matter_of_configuration() {
    fn failed(cause: impl StdError + Send + Sync + 'static) -> azure_core::Result<SdkToken> {
        let inner = Error::with_error(ErrorKind::Io, cause, "inner");
        Err(Error::with_error(ErrorKind::Credential, inner, "outer"))
    }
    type Answer = fn() -> azure_core::Result<SdkToken>;
    let cases: [(Answer, TokenErrorKind); 4] = [
        (|| failed(VarError::NotPresent), TokenErrorKind::Configuration),
        (|| failed(io::Error::from(io::ErrorKind::NotFound)), TokenErrorKind::Configuration),
        (
            || failed(io::Error::from(io::ErrorKind::PermissionDenied)),
            TokenErrorKind::Configuration,
        ),
        (|| failed(io::Error::from(io::ErrorKind::ConnectionReset)), TokenErrorKind::Unreachable),
    ];
    for (answer, kind) in cases {
        assert_eq!(fetch_from(answer).await.unwrap_err().kind(), kind);
        let made = move || answer().map(|_| unreachable!());
        let error = Credential::from_factory(made).fetch_token(SCOPE).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration);
    }
}

#[tokio::test]
async fn a_token_in_a_text_is_shown_nowhere_in_the_chain() {
    fn quoting() -> azure_core::Error {
        let text = "the answer was eyJhbGciOi.eyJodW50ZXIy.c2ln";
        let inner = Error::with_error(ErrorKind::Other, io::Error::other(text), text);
        Error::with_error(ErrorKind::Credential, inner, text)
    }
    let sources = [
        Credential::new(Arc::new(Fake(|| Err(quoting())))),
        Credential::from_factory(|| Err(quoting())),
    ];
    for source in sources {
        let error = source.fetch_token(SCOPE).await.unwrap_err();
        let chain: Vec<String> =
            cause::all(&error).map(|cause| format!("{cause} {cause:?}")).collect();
        let shown = format!("{error} {error:?} {chain:?}");
        assert!(!shown.contains("eyJ"), "{shown}");
        assert_eq!(chain.len(), 2, "{chain:?}");
        assert!(chain.iter().all(|cause| cause.contains("the answer was")), "{chain:?}");
    }
}

#[tokio::test]
async fn neither_the_answer_nor_the_credential_is_shown() {
    let source = Credential::new(Arc::new(Fake(|| refusal(401, "1", "hunter2"))));
    let error = source.fetch_token(SCOPE).await.unwrap_err();
    let shown = format!("{source:?} {error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_factory_makes_a_credential_for_each_fetch() {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = made.clone();
    let source = Credential::from_factory(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Fake(|| token("abc", 3600))))
    });
    for _ in 0..2 {
        source.fetch_token(SCOPE).await.unwrap();
    }
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_factory_that_fails_or_panics_gives_an_error() {
    let failing =
        Credential::from_factory(|| Err(Error::with_message(ErrorKind::Credential, "not here")));
    let error = failing.fetch_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().starts_with("credential: not here; "), "{error}");

    let panicking = Credential::from_factory(|| panic!("no certificate authorities for eyJh.b.c"));
    let error = panicking.fetch_token(SCOPE).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Configuration);
    let cause = error.source().unwrap();
    assert!(cause.to_string().contains("authorities for [redacted]"), "{cause}");
    assert!(!format!("{error:?} {cause:?}").contains("eyJ"), "{cause:?}");
}
