//! Errors as Microsoft Entra ID words them.

use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

use super::message::Reply;
use crate::{
    clock::{Clock, SystemClock},
    emulator::random,
};

/// A refusal with an OAuth 2.0 error and an AADSTS code
/// ([codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)).
#[derive(Debug)]
pub(crate) struct EntraError {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

impl EntraError {
    pub(crate) fn new(status: u16, error: &'static str, code: u32, text: &str) -> Self {
        Self { status, error, code, text: text.to_owned() }
    }

    pub(crate) fn reply(&self) -> Reply {
        let trace_id = random::guid();
        let correlation_id = random::guid();
        let timestamp = timestamp();
        let description = format!(
            "AADSTS{}: {}\r\nTrace ID: {trace_id}\r\nCorrelation ID: {correlation_id}\r\nTimestamp: \
             {timestamp}",
            self.code, self.text
        );
        Reply::json(
            self.status,
            &json!({
                "error": self.error,
                "error_description": description,
                "error_codes": [self.code],
                "timestamp": timestamp,
                "trace_id": trace_id,
                "correlation_id": correlation_id,
            }),
        )
    }
}

fn timestamp() -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::from(SystemClock.now().wall).format(format).unwrap_or_default()
}
