//! The unsuccessful answer of a token endpoint.

use serde_json::Value;
use zeroize::Zeroizing;

use super::aadsts;
use crate::{
    error::{TokenError, TokenErrorKind},
    excerpt::{excerpt, page_excerpt},
    source::http::Answer,
};

/// What a refusal says, in the words of whichever service refused. Everything is fit to be shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Refusal {
    /// Whether the body was JSON, as every identity service sends it.
    pub(in crate::source) is_json: bool,
    pub(in crate::source) code: Option<String>,
    pub(in crate::source) text: String,
    pub(in crate::source) aadsts: Vec<u32>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
}

impl Refusal {
    /// Reads a body of any shape; of one that is not JSON, its title and its first sentence are the text.
    pub(in crate::source) fn read(body: &[u8], secrets: &[&str]) -> Self {
        match serde_json::from_slice(without_mark(body)) {
            Ok(json @ Value::Object(_)) => Self::from_json(&json, secrets),
            json => {
                let body = String::from_utf8_lossy(body);
                // Of an object that was cut off, too.
                let is_json = json.is_ok() || body.starts_with('{');
                let aadsts = aadsts::in_text(&body);
                Self { is_json, aadsts, text: page_excerpt(&body, secrets), ..Self::default() }
            }
        }
    }

    /// Entra and IMDS: `error`, `error_description`; App Service: `message`, `correlationId`; Cloud
    /// Shell and Service Fabric: both within an object `error`.
    fn from_json(json: &Value, secrets: &[&str]) -> Self {
        let find = |paths: &[&str]| {
            let found = paths.iter().find_map(|path| json.pointer(path)?.as_str());
            found.filter(|text| !text.trim().is_empty())
        };
        let show = |paths: &[&str]| find(paths).map(|text| excerpt(text, secrets));
        let text =
            find(&["/error_description", "/message", "/error/message", "/Message", "/detail"])
                .unwrap_or("");
        let (code, whole) = (show(&["/error", "/error/code"]), Zeroizing::new(json.to_string()));
        // What comes in a shape of its own is shown as it is.
        let is_known = code.is_some() || !text.is_empty();
        let shown = if is_known { aadsts::without_reference(text) } else { &whole };
        Self {
            is_json: true,
            code,
            text: excerpt(shown, secrets),
            aadsts: aadsts::codes(json.pointer("/error_codes"), &whole),
            trace_id: show(&["/trace_id"]),
            correlation_id: show(&["/correlation_id", "/correlationId"]),
        }
    }

    fn is_temporary(&self) -> bool {
        self.code.as_deref() == Some("temporarily_unavailable")
    }

    /// The error that says all this. An AADSTS code knows better than the status what kind it is, and
    /// so does the [error code](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
    /// that asks to try again.
    pub(in crate::source) fn into_error(
        self,
        source: &'static str,
        answer: &Answer,
        kind: TokenErrorKind,
    ) -> TokenError {
        let known = aadsts::find(&self.aadsts);
        let kind = match known {
            Some(entry) => entry.kind,
            None if self.is_temporary() && !kind.is_transient() => TokenErrorKind::Unavailable,
            None => kind,
        };
        let mut error = TokenError::new(kind, source, message(kind, &self.text))
            .with_status(answer.status)
            .with_aadsts(self.aadsts);
        error = with(error, self.code, TokenError::with_code);
        error = with(error, self.trace_id, TokenError::with_trace_id);
        error = with(error, self.correlation_id, TokenError::with_correlation_id);
        error = with(error, answer.retry_after, TokenError::with_retry_after);
        let hint = aadsts::hint(error.aadsts());
        with(error, hint, TokenError::with_hint)
    }
}

/// The body without a byte order mark, with which some services begin it.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn with<T>(
    error: TokenError,
    value: Option<T>,
    add: impl FnOnce(TokenError, T) -> TokenError,
) -> TokenError {
    match value {
        Some(value) => add(error, value),
        None => error,
    }
}

/// The kind that a status stands for where the platform's guidance says nothing else.
pub(in crate::source) fn kind_of(status: u16) -> TokenErrorKind {
    match status {
        429 => TokenErrorKind::Throttled,
        408 | 500.. => TokenErrorKind::Unavailable,
        400..=499 => TokenErrorKind::Denied,
        _ => TokenErrorKind::InvalidResponse,
    }
}

fn message(kind: TokenErrorKind, text: &str) -> String {
    let what = match kind {
        TokenErrorKind::Throttled => "the identity service asks to slow down",
        TokenErrorKind::Unavailable => "the identity service can't answer now",
        TokenErrorKind::InvalidResponse => "the answer is not one of an identity service",
        _ => "the identity service refuses the request",
    };
    match text.trim_end_matches('.') {
        "" => what.to_owned(),
        text => format!("{what}: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Refusal {
        Refusal::read(body.as_bytes(), &["hunter2"])
    }

    #[test]
    fn each_service_is_understood_in_its_own_words() {
        let entra = read(
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret
                provided.\r\nTrace ID: t-1\r\nCorrelation ID: c-1","error_codes":[7000215],
                "trace_id":"t-1","correlation_id":"c-1"}"#
                .replace('\n', " ")
                .as_str(),
        );
        assert_eq!(entra.text, "Invalid client secret provided.");
        assert_eq!(
            (entra.code.as_deref(), &entra.aadsts[..]),
            (Some("invalid_client"), &[7_000_215][..])
        );
        assert_eq!(entra.trace_id.as_deref(), Some("t-1"));

        let app_service =
            read(r#"{"statusCode":400,"message":"No identity","correlationId":"c-2"}"#);
        assert_eq!((app_service.text.as_str(), app_service.code), ("No identity", None));
        assert_eq!(app_service.correlation_id.as_deref(), Some("c-2"));

        let nested = read(r#"{"error":{"code":"Oops","message":"Broken"}}"#);
        assert_eq!((nested.text.as_str(), nested.code.as_deref()), ("Broken", Some("Oops")));
    }

    #[test]
    fn a_temporary_refusal_passes_whatever_its_number() {
        let kind = |status, body: &str| {
            let answer =
                Answer { status, retry_after: None, challenge: None, body: Vec::new().into() };
            read(body).into_error("test", &answer, kind_of(status)).kind()
        };
        let temporary = r#"{"error":"temporarily_unavailable","error_codes":[1]}"#;
        assert_eq!(kind(400, temporary), TokenErrorKind::Unavailable);
        assert_eq!(kind(429, temporary), TokenErrorKind::Throttled);
        let known = r#"{"error":"temporarily_unavailable","error_codes":[7000215]}"#;
        assert_eq!(kind(400, known), TokenErrorKind::Denied);
        assert_eq!(kind(400, r#"{"error":"invalid_request"}"#), TokenErrorKind::Denied);
    }

    #[test]
    fn of_a_body_that_is_not_json_the_heading_is_kept() {
        let refusal = read("<html>\n<h1>Blocked by proxy</h1><p>hunter2");
        assert!(!refusal.is_json);
        assert_eq!(refusal.text, "Blocked by proxy");
        assert_eq!(Refusal::read(b"no\xff", &[]).text, "no\u{fffd}");
        assert_eq!(read("[1]").text, "[1]");
    }

    #[test]
    fn a_code_is_found_in_whatever_shape_the_body_has() {
        for body in [
            r#"[{"error":"invalid_client","error_description":"AADSTS700016: Not found"}]"#,
            r#""AADSTS700016: Not found""#,
            r#"{"error":"invalid_client","error_description":"AADSTS700016: Not fo"#,
            r#"{"error":"invalid_client","error_codes":["700016"]}"#,
            r#"{"error":"invalid_client","error_codes":700016}"#,
        ] {
            let refusal = read(body);
            assert!(refusal.is_json, "{body}");
            assert_eq!(refusal.aadsts, [700_016], "{body}");
        }
        assert_eq!(read("<html>AADSTS700016</html>").aadsts, [700_016]);
        assert!(!read("AADSTS700016").is_json && !read("").is_json);
        assert_eq!(read(r#"{"title":"Forbidden","detail":"no way"}"#).text, "no way");
    }

    #[test]
    fn an_echoed_secret_is_removed_from_every_field() {
        let refusal = read(
            r#"{"error":"hunter2","error_description":"bad hunter2","trace_id":"hunter2",
                "correlation_id":"hunter2"}"#,
        );
        assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
    }

    #[test]
    fn a_shape_of_its_own_is_shown_and_looked_through_for_codes() {
        let refusal = read(r#"{"detail":{"reason":"AADSTS7000222: expired hunter2"},"n":[7]}"#);
        assert!(refusal.text.contains("AADSTS7000222: expired [redacted]"), "{}", refusal.text);
        assert_eq!(refusal.aadsts, [7_000_222]);
        assert!(read("{}").text.contains("{}"));
        let marked = read("\u{feff}{\"error\":\"invalid_client\"}");
        assert_eq!(marked.code.as_deref(), Some("invalid_client"));
    }

    #[test]
    fn a_code_without_an_entry_names_its_page() {
        let hint = |body: &str| {
            let answer =
                Answer { status: 400, retry_after: None, challenge: None, body: Vec::new().into() };
            read(body).into_error("test", &answer, kind_of(400)).hint().to_owned()
        };
        for code in [50_034, 9_002_326, 1] {
            let body = format!(r#"{{"error":"x","error_codes":[{code}]}}"#);
            let page = format!("https://login.microsoftonline.com/error?code={code}");
            assert!(hint(&body).contains(&page), "{}", hint(&body));
        }
        assert!(!hint(r#"{"error":"x","error_codes":[7000215]}"#).contains("error?code"));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in any::<Vec<u8>>(), text in any::<String>()) {
            Refusal::read(&body, &["x"]);
            Refusal::read(serde_json::json!({"error": text, "message": text}).to_string().as_bytes(), &[]);
        }
    }
}
