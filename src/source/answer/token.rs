//! The successful answer of a token endpoint.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;

use super::{
    expires::{self, Expiry},
    refusal::{Refusal, without_mark},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{TokenError, TokenErrorKind},
    secret::Secret,
    source::http::Answer,
    token::AccessToken,
};

/// The fields that matter, as loosely typed as endpoints write them. Others are ignored.
#[derive(Deserialize)]
struct Reply {
    access_token: Option<Value>,
    expires_on: Option<Value>,
    expires_in: Option<Value>,
    refresh_in: Option<Value>,
    /// Some endpoints refuse with status 200.
    error: Option<Value>,
}

/// For a token that no identity service hands out.
const FOREIGN: &str =
    "check that nothing, such as a proxy, answers in the place of the identity service";

/// The token in a successful answer. No error tells anything of the body, which may hold a token.
///
/// Whether it is a good one, the door of the cache judges. The `secrets` are those of the request, which an
/// error in the place of a token may repeat.
pub(in crate::source) fn read(
    source: &'static str,
    answer: &Answer,
    secrets: &[&str],
) -> Result<AccessToken, TokenError> {
    read_at(source, answer, secrets, SystemClock.now().wall)
}

fn read_at(
    source: &'static str,
    answer: &Answer,
    secrets: &[&str],
    now: SystemTime,
) -> Result<AccessToken, TokenError> {
    let invalid = |problem| {
        TokenError::new(TokenErrorKind::InvalidResponse, source, problem).with_status(answer.status)
    };
    // The parser's own message may quote the body.
    let reply: Reply = serde_json::from_slice(without_mark(&answer.body))
        .map_err(|_| invalid("the answer is not a JSON object with a token"))?;
    let Some(Value::String(text)) = reply.access_token else {
        return Err(if reply.error.is_some() {
            Refusal::read(&answer.body, secrets).into_error(source, answer, TokenErrorKind::Denied)
        } else {
            invalid("the answer holds no access_token")
        });
    };
    let stated = Expiry::stated(reply.expires_on.as_ref(), reply.expires_in.as_ref(), now);
    let token = bearer(source, text, stated.map_or(now, Expiry::time))
        .map_err(|error| error.with_hint(FOREIGN))?;
    let token = match stated {
        Some(Expiry::At(_)) => token,
        Some(Expiry::Counted(_)) => token.with_counted_life(),
        // Of the shapes in which `expires_on` has been met, some can't be read.
        None => token
            .until_exp()
            .ok_or_else(|| invalid("the answer does not say when the token expires"))?,
    };
    let refresh_on = reply.refresh_in.as_ref().and_then(expires::seconds);
    Ok(match refresh_on.and_then(|wait| now.checked_add(wait)) {
        Some(refresh_on) if refresh_on < token.expires_on() => token.with_refresh_on(refresh_on),
        _ => token,
    })
}

/// [`AccessToken::new`], with this source's name on the error.
pub(in crate::source) fn bearer(
    source: &'static str,
    text: impl Into<Secret>,
    expires_on: SystemTime,
) -> Result<AccessToken, TokenError> {
    let text = text.into();
    let problem = if text.is_empty() {
        "the token in the answer is empty"
    } else {
        "the token in the answer holds characters that no token has"
    };
    AccessToken::new(text, expires_on)
        .map_err(|error| TokenError::new(error.kind(), source, problem))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn read(body: impl Into<Vec<u8>>) -> Result<AccessToken, TokenError> {
        let answer =
            Answer { status: 200, retry_after: None, challenge: None, body: body.into().into() };
        read_at("test", &answer, &[], at(1_700_000_000))
    }

    #[test]
    fn refresh_in_is_kept_when_it_lies_within_the_life() {
        let cases = [(json!(1800), Some(1800)), (json!("1800"), Some(1800)), (json!(3600), None)];
        for (refresh_in, expected) in cases {
            let body = json!({"access_token": "t", "expires_in": 3600, "refresh_in": refresh_in});
            let token = read(body.to_string()).unwrap();
            assert_eq!(token.refresh_on(), expected.map(|wait| at(1_700_000_000 + wait)));
        }
    }

    #[test]
    fn a_refusal_with_status_200_is_shown_as_one() {
        for body in [
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#,
            "\u{feff}{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}",
            r#"{"error":{"code":"invalid_client","message":"AADSTS7000222: expired"}}"#,
        ] {
            let error = read(body).unwrap_err();
            assert_eq!((error.kind(), error.aadsts()), (TokenErrorKind::Denied, &[7_000_222][..]));
            assert!(error.to_string().contains("expired"), "{error}");
        }
        let marked = format!("\u{feff}{}", r#"{"access_token":"t","expires_in":9}"#);
        assert_eq!(read(marked).unwrap().secret(), "t");
    }

    #[test]
    fn no_error_quotes_a_successful_answer() {
        let cases = [
            "\"hunter2\"",
            r#"{"access_token":"hunter2"}"#,
            r#"{"access_token":"hunter2 x","expires_in":9}"#,
            r#"{"access_token":["hunter2"],"expires_in":9}"#,
            r#"{"access_token":"hunter2","access_token":"hunter2"}"#,
            r#"{"access_token":"hunter2"#,
        ];
        for body in cases {
            let error = read(body).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in any::<Vec<u8>>()) {
            let _ = read(body);
        }

        #[test]
        fn no_json_object_panics(
            token in ".{0,40}", on in ".{0,40}", seconds in any::<f64>(), refresh in any::<i64>(),
        ) {
            let body = json!({
                "access_token": token, "expires_on": on, "expires_in": seconds, "refresh_in": refresh,
            });
            let _ = read(body.to_string());
        }
    }
}
