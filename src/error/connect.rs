use std::{error::Error as StdError, fmt};

/// The server could not be reached, or the connection broke before it was ready.
#[derive(Debug)]
pub struct ConnectError {
    host: String,
    port: u16,
    transient: bool,
    cause: Box<dyn StdError + Send + Sync>,
}

impl ConnectError {
    pub(crate) fn new(
        host: &str,
        port: u16,
        transient: bool,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { host: host.to_owned(), port, transient, cause: cause.into() }
    }

    /// The host that was tried last.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection to {} port {}", self.host, self.port)
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause.as_ref())
    }
}
