//! Requests and replies, as the protocols see them.

use percent_encoding::percent_decode_str;
use serde_json::Value;

const FORM: &str = "application/x-www-form-urlencoded";

/// A request whose body has been read.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Fields,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body says that it is a form.
    pub(crate) fn is_form(&self) -> bool {
        self.header("content-type").is_some_and(|value| {
            value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(FORM))
        })
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<u64>,
    /// What the client has to prove, and how.
    pub(crate) challenge: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string().into_bytes())
    }

    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let content_type = content_type.to_owned();
        Self { status, content_type, retry_after: None, challenge: None, body }
    }
}

/// The fields of a query or form, in the order sent.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.0.iter().filter(|(known, _)| known == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// The first value of a field; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn fields_are_percent_decoded_and_a_plus_is_a_blank() {
        let fields = Fields::parse("resource=https%3A%2F%2Fx&&secret=a%2Bb+c&empty=&flag");
        assert_eq!(fields.get("resource"), Some("https://x"));
        assert_eq!(fields.get("secret"), Some("a+b c"));
        assert_eq!(fields.get("empty"), None);
        assert_eq!(fields.get("flag"), None);
    }
}
