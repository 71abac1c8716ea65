//! What each reply of an identity endpoint leads to, on real sockets.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::support::http::{Server, answer, answer_with};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use postgres_entra::{
    AccessToken, TokenCache, TokenError, TokenErrorKind, TokenSource,
    source::{AppService, ClientSecret, Imds},
};
use serde_json::{Value, json};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// 2100-01-01.
const FUTURE: u64 = 4_102_444_800;

fn sources(url: &str) -> [Arc<dyn TokenSource>; 3] {
    [
        Arc::new(Imds::new().with_base_url(url).unwrap()),
        Arc::new(AppService::new(url, "header-value").unwrap()),
        Arc::new(
            ClientSecret::new("tenant", "client", "secret-value")
                .unwrap()
                .with_authority_host(url)
                .unwrap(),
        ),
    ]
}

/// What a cache over each source has after one fetch, given these answers.
async fn fetch_all(answers: &[Vec<u8>]) -> [Result<AccessToken, TokenError>; 3] {
    let fetch = async |index: usize| {
        let server = Server::start(answers.to_vec()).await;
        TokenCache::new(sources(&server.url())[index].clone(), SCOPE).token().await
    };
    tokio::join!(fetch(0), fetch(1), fetch(2)).into()
}

fn jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[tokio::test]
async fn every_shape_of_an_expiry_gives_a_token() {
    let absolute = UNIX_EPOCH + Duration::from_secs(FUTURE);
    let cases = [
        json!({"expires_on": FUTURE.to_string()}),
        json!({"expires_on": FUTURE}),
        json!({"expires_on": "01/01/2100 00:00:00 +00:00"}),
        json!({"expires_on": "1/1/2100 12:00:00 AM +00:00"}),
        json!({"expires_on": "2100-01-01 00:00:00"}),
        json!({"expires_on": "2100-01-01T00:00:00.0000000+00:00"}),
        json!({"expires_on": FUTURE, "expires_in": "60", "ext_expires_in": [], "resource": null}),
    ];
    for mut body in cases {
        body["access_token"] = json!("abc");
        for result in fetch_all(&[answer(200, body.to_string())]).await {
            assert_eq!(result.unwrap().expires_on(), absolute, "{body}");
        }
    }
    for expires_in in [json!("3599"), json!(3599)] {
        let body = json!({"access_token": "abc", "expires_on": "", "expires_in": expires_in});
        for result in fetch_all(&[answer(200, body.to_string())]).await {
            let left = result.unwrap().life_left(SystemTime::now()).as_secs();
            assert!((3590..3600).contains(&left), "{left}");
        }
    }
}

#[tokio::test]
async fn the_claims_of_a_token_are_held_against_the_request() {
    let body = |claims| json!({"access_token": jwt(&claims), "expires_on": FUTURE}).to_string();
    let good =
        body(json!({"aud": "https://ossrdbms-aad.database.windows.net", "exp": FUTURE - 60}));
    for result in fetch_all(&[answer(200, good)]).await {
        let expected = UNIX_EPOCH + Duration::from_secs(FUTURE - 60);
        assert_eq!(result.unwrap().expires_on(), expected);
    }
    // Neither can `expires_on` be read in each shape in which it has been met.
    for expires_on in [json!("soon"), json!([FUTURE]), json!(null)] {
        let claims = json!({"exp": FUTURE - 60});
        let body = json!({"access_token": jwt(&claims), "expires_on": expires_on});
        for result in fetch_all(&[answer(200, body.to_string())]).await {
            assert_eq!(result.unwrap().expires_on(), UNIX_EPOCH + Duration::from_secs(FUTURE - 60));
        }
    }
    let other = body(json!({"aud": "https://management.azure.com/"}));
    let expired = body(json!({"exp": 1}));
    for bad in [other, expired] {
        for result in fetch_all(&[answer(200, bad.clone())]).await {
            assert_eq!(result.unwrap_err().kind(), TokenErrorKind::InvalidToken);
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_ahead_does_not_lock_anybody_out_who_is_told_the_span() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for behind in [30, 3600, 86_400] {
        let token = jwt(&json!({"exp": now - behind}));
        let body = json!({"access_token": token, "expires_in": 3599});
        for result in fetch_all(&[answer(200, body.to_string())]).await {
            let left = result.unwrap().life_left(SystemTime::now()).as_secs();
            assert!((3590..3600).contains(&left), "{left}");
        }
    }
}

#[tokio::test]
async fn a_success_without_a_usable_token_is_an_error_at_once() {
    use TokenErrorKind::{InvalidResponse, InvalidToken};
    let padded = |size| format!(r#"{{"x":"{}","expires_in":9}}"#, "x".repeat(size));
    let cases = [
        (String::new(), InvalidResponse),
        ("{}".to_owned(), InvalidResponse),
        ("null".to_owned(), InvalidResponse),
        ("<html>sign in</html>".to_owned(), InvalidResponse),
        (r#"{"access_token":"abc"}"#.to_owned(), InvalidResponse),
        (r#"{"access_token":"abc","expires_on":"soon"}"#.to_owned(), InvalidResponse),
        (r#"{"access_token":null,"expires_in":9}"#.to_owned(), InvalidResponse),
        (r#"{"expires_in":9}"#.to_owned(), InvalidResponse),
        (r#"{"access_token":"","expires_in":9}"#.to_owned(), InvalidToken),
        (r#"{"access_token":"a\u0000b","expires_in":9}"#.to_owned(), InvalidToken),
        (r#"{"access_token":"abc","expires_on":"1500000000"}"#.to_owned(), InvalidToken),
        (padded(1_000_000), InvalidResponse),
        (padded(1_100_000), InvalidResponse),
    ];
    for (body, kind) in cases {
        for result in fetch_all(&[answer(200, &body)]).await {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().len() < 300, "{error}");
        }
    }
}

#[tokio::test]
async fn a_megabyte_around_a_token_is_read_and_more_is_not() {
    let body = |size| {
        let padding = "x".repeat(size);
        json!({"access_token": "abc", "expires_in": 60, "padding": padding}).to_string()
    };
    for result in fetch_all(&[answer(200, body(1_000_000))]).await {
        assert_eq!(result.unwrap().secret(), "abc");
    }
    for result in fetch_all(&[answer(200, body(1_100_000))]).await {
        assert_eq!(result.unwrap_err().kind(), TokenErrorKind::InvalidResponse);
    }
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        10\r\n{\"access_token\":\r\n18\r\n\"abc\",\"expires_in\":3599}\r\n0\r\n\r\n";
    for result in fetch_all(&[chunked.to_vec()]).await {
        assert_eq!(result.unwrap().secret(), "abc");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let good = answer(200, r#"{"access_token":"abc","expires_in":60}"#);
    let truncated = good[..good.len() - 5].to_vec();
    for lost in [truncated, Vec::new()] {
        for result in fetch_all(&[lost, good.clone()]).await {
            assert_eq!(result.unwrap().secret(), "abc");
        }
    }
}

#[tokio::test]
async fn bytes_that_are_not_http_are_an_error_at_once() {
    for garbage in [&b"\0\x01\x02\x03\r\n\r\n"[..], b"HELO mail.example\r\n\r\n"] {
        for result in fetch_all(&[garbage.to_vec()]).await {
            assert_eq!(result.unwrap_err().kind(), TokenErrorKind::InvalidResponse);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start([]).await;
    for status in [301, 302, 307, 308] {
        let location = format!("location: {}/steal\r\n", elsewhere.url());
        for result in fetch_all(&[answer_with(status, &location, "")]).await {
            let error = result.unwrap_err();
            assert_eq!(
                (error.kind(), error.status()),
                (TokenErrorKind::InvalidResponse, Some(status))
            );
            assert!(error.hint().contains("proxy"), "{error}");
        }
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_refusal_by_a_managed_identity_endpoint_tells_the_remedy() {
    let cases = [
        (
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
            "assign the managed identity",
        ),
        (
            400,
            r#"{"error":"invalid_request","error_description":"Multiple user assigned identities
                exist, please specify the clientId / resourceId of the identity"}"#,
            "(AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for
                specified ClientId/ResourceId/PrincipalId.","correlationId":"c-1"}"#,
            "assign the managed identity",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"Unable to load the proper Managed Identity."}"#,
            "has to be named by its client id",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"Unable to load requested managed identity."}"#,
            "AZURE_CLIENT_ID",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"No MSI found for specified ClientId/ResourceId."}"#,
            "assign the managed identity",
        ),
        (
            403,
            "connecting to 169.254.169.254:80: dial tcp 169.254.169.254:80: connectex: A socket \
             operation was attempted to an unreachable network.",
            "no managed identity",
        ),
        (
            400,
            r#"{"error":{"code":"DefaultIdentityNotDefined","message":"DefaultIdentityNotDefined ","details":[]}}"#,
            "name the identity",
        ),
        (403, "<html><h1>Blocked</h1></html>", "proxy"),
        (
            400,
            r#"{"error":"invalid_resource","error_description":"AADSTS50001: no such resource"}"#,
            "which cloud",
        ),
    ];
    // Side by side, since an identity that is not assigned is asked for four times.
    let fetches = cases.map(async |(status, body, hint)| {
        let answers = vec![answer(status, body.replace('\n', " ")); 4];
        let [imds, app_service, _] = fetch_all(&answers).await;
        for result in [imds, app_service] {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.status()), (TokenErrorKind::Denied, Some(status)));
            assert!(error.hint().contains(hint), "{error}");
        }
    });
    join_all(fetches).await;
}

#[tokio::test]
async fn a_refusal_by_entra_keeps_its_codes_and_ids() {
    let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client
        secret keys for app 'it\u0027s' are expired.\r\nTrace ID: t-1\r\nCorrelation ID: c-1",
        "error_codes":[7000222],"trace_id":"t-1","correlation_id":"c-1"}"#;
    let [_, _, entra] = fetch_all(&[answer(401, body.replace('\n', " "))]).await;
    let error = entra.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Denied);
    assert_eq!((error.status(), error.code()), (Some(401), Some("invalid_client")));
    assert_eq!(error.aadsts(), [7_000_222]);
    assert_eq!((error.trace_id(), error.correlation_id()), (Some("t-1"), Some("c-1")));
    let text = error.to_string();
    assert!(text.contains("for app 'it's' are expired (HTTP 401, invalid_client"), "{text}");
    assert!(error.hint().contains("AZURE_POSTGRESQL_CLIENTSECRET"), "{text}");

    let [_, _, entra] = fetch_all(&[answer(403, "<html>Proxy says no</html>")]).await;
    let error = entra.unwrap_err();
    assert!(error.to_string().contains("Proxy says no"), "{error}");
    assert!(error.hint().contains("proxy"), "{error}");
}
