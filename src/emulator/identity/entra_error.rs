//! Errors as Microsoft Entra ID words them.

use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

use super::message::Reply;
use crate::{
    clock::{Clock, SystemClock},
    emulator::{principals::SERVICE_ACCOUNT, random},
};

/// A refusal; `Display` is its text without the code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntraError {
    #[error("The endpoint only accepts POST requests with a form as their body.")]
    NotAForm,
    #[error(
        "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing \
         into the correct cloud."
    )]
    UnknownTenant(String),
    #[error("The request body must contain the following parameter: '{0}'.")]
    MissingField(&'static str),
    #[error("The app requested an unsupported grant type.")]
    UnsupportedGrantType,
    #[error(
        "Application with identifier '{0}' was not found in the directory 'Contoso'. You may have \
         sent your authentication request to the wrong tenant."
    )]
    UnknownApplication(String),
    #[error(
        "The provided request must include a 'scope' input parameter. The provided value for the \
         input parameter 'scope' is not valid. The scope {0} is not valid."
    )]
    InvalidScope(String),
    #[error("The resource principal named {0} was not found in the tenant named Contoso.")]
    UnknownResource(String),
    #[error(
        "The request body must contain the following parameter: 'client_assertion' or \
         'client_secret'."
    )]
    NoCredential,
    #[error(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client \
         secret value, not the client secret ID, for a secret added to app '{0}'."
    )]
    WrongSecret(&'static str),
    #[error(
        "No matching federated identity record found for presented assertion. Please check your \
         federated identity credential Subject, Audience and Issuer against the presented assertion."
    )]
    NotFederated,
    #[error(
        "No matching federated identity record found for presented assertion subject. The expected \
         subject is '{SERVICE_ACCOUNT}'."
    )]
    OtherSubject,
    #[error("Client assertion is not within its valid time range.")]
    AssertionExpired,
    #[error("The request is for another host than {0}.")]
    OtherHost(String),
    #[error("A transient error has occurred. Please try again.")]
    OutOfOrder(u16),
}

impl EntraError {
    /// The HTTP status, the OAuth 2.0 error and the AADSTS code
    /// ([codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)).
    fn codes(&self) -> (u16, &'static str, u32) {
        match self {
            Self::NotAForm => (400, "invalid_request", 900_561),
            Self::UnknownTenant(_) => (400, "invalid_request", 90_002),
            Self::MissingField(_) => (400, "invalid_request", 900_144),
            Self::UnsupportedGrantType => (400, "unsupported_grant_type", 70_003),
            Self::UnknownApplication(_) => (400, "unauthorized_client", 700_016),
            Self::InvalidScope(_) => (400, "invalid_scope", 70_011),
            Self::UnknownResource(_) => (400, "invalid_resource", 500_011),
            Self::NoCredential => (401, "invalid_client", 7_000_218),
            Self::WrongSecret(_) => (401, "invalid_client", 7_000_215),
            Self::NotFederated => (400, "invalid_request", 70_021),
            Self::OtherSubject => (401, "invalid_client", 700_213),
            Self::AssertionExpired => (401, "invalid_client", 700_024),
            // Of the local Azure alone: in which words the proxy of a cluster says so is not published.
            Self::OtherHost(_) => (400, "invalid_request", 900_021),
            Self::OutOfOrder(status) => (*status, "temporarily_unavailable", 90_033),
        }
    }

    pub(crate) fn reply(&self) -> Reply {
        let (status, error, code) = self.codes();
        let (trace_id, correlation_id) = (random::guid(), random::guid());
        let timestamp = timestamp();
        let description = format!(
            "AADSTS{code}: {self}\r\nTrace ID: {trace_id}\r\nCorrelation ID: {correlation_id}\r\n\
             Timestamp: {timestamp}"
        );
        let body = json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
        });
        Reply::json(status, &body)
    }
}

fn timestamp() -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::from(SystemClock.now().wall).format(format).unwrap_or_default()
}
