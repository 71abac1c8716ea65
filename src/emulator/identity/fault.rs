use std::time::Duration;

/// What the identity service does wrong, in place of or before its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityFault {
    /// Answers with this status and an error body in the protocol's own form.
    Status(u16),
    /// Answers with this status and a `Retry-After` header of so many seconds.
    RetryAfter {
        /// The status, such as 429.
        status: u16,
        /// The value of the header.
        seconds: u64,
    },
    /// Accepts connections and closes them at once.
    Outage,
    /// Accepts connections and never answers.
    Silent,
    /// Answers as usual, so much later.
    Delay(Duration),
    /// Answers with this reply.
    Body {
        /// The status.
        status: u16,
        /// The value of the `Content-Type` header.
        content_type: String,
        /// The body.
        body: Vec<u8>,
    },
}

impl IdentityFault {
    /// An answer with this status and a `Retry-After` header.
    pub fn retry_after(status: u16, seconds: u64) -> Self {
        Self::RetryAfter { status, seconds }
    }

    /// An answer of status 200 with this JSON text, which need not be valid.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::reply(200, "application/json", body)
    }

    /// Any answer at all.
    pub fn reply(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Body { status, content_type: content_type.to_owned(), body: body.into() }
    }
}
