use hyper::header::HeaderValue;
use reqwest::Url;

use crate::{
    config::value_of,
    environment::Environment,
    error::{ConfigError, TokenError, TokenErrorKind},
    secret::Secret,
    source::http::endpoint,
};

/// The header by which an endpoint knows the application: a value that no other process of the machine has.
#[derive(Clone, Debug)]
pub(super) enum SecretHeader {
    Fixed(Secret),
    /// Read anew for each request, because the platform rotates it.
    Variable(&'static str, Environment),
}

impl SecretHeader {
    /// The endpoint that one variable names, and the header whose value is in the other.
    pub(super) fn with_endpoint(
        environment: &Environment,
        [url, value]: [&'static str; 2],
        missing: fn(&str) -> ConfigError,
    ) -> Result<(Url, Self), ConfigError> {
        let address = value_of(environment, url)?.ok_or_else(|| missing(url))?;
        value_of(environment, value)?.ok_or_else(|| missing(value))?;
        let endpoint = endpoint::local(&address).map_err(|error| error.in_variable(url))?;
        Ok((endpoint, Self::Variable(value, environment.clone())))
    }

    /// The value as it is, and as it is sent.
    pub(super) fn value(&self, source: &'static str) -> Result<(Secret, HeaderValue), TokenError> {
        let (name, value) = match self {
            Self::Fixed(value) => ("the identity header", Some(value.clone())),
            Self::Variable(name, environment) => (*name, environment.get(name).map(Secret::new)),
        };
        let problem = match value {
            None => "is not set any more",
            Some(secret) => match sendable(secret.expose()) {
                Some(value) => return Ok((secret, value)),
                None => "is empty or holds characters that no header can",
            },
        };
        let problem = format!("{name} {problem}");
        Err(TokenError::new(TokenErrorKind::Configuration, source, problem)
            .with_hint("leave it as the platform sets it"))
    }
}

fn sendable(text: &str) -> Option<HeaderValue> {
    let is_one =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let mut value = HeaderValue::from_str(text).ok().filter(|_| is_one)?;
    value.set_sensitive(true);
    Some(value)
}
