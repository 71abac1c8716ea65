//! The connector of blocking code.

use std::{fmt, sync::Arc};

use super::threads::Threads;
use crate::{
    cache::TokenCache,
    config::Settings,
    connector::{self, LibpqVariables, driver::Driver},
    error::{ConnectError, Error},
};

/// Opens sessions for blocking code, to one database as one identity.
///
/// Cloning is cheap, and clones share the token cache, the TLS set-up and the threads. Nothing runs
/// before the first connect, and nothing is left once the last clone is dropped: a connect that was given
/// up by then ends at its limit.
#[derive(Clone)]
pub struct Connector {
    inner: connector::Connector,
    threads: Arc<Threads>,
}

impl Connector {
    /// A blocking connector that does what this one is set up to do, and shares its token cache.
    pub fn new(connector: &connector::Connector) -> Self {
        Self { inner: connector.clone(), threads: Arc::default() }
    }

    /// A connector for the settings and the identity that the process environment describes.
    ///
    /// # Errors
    ///
    /// As [`Connector::from_env`](crate::Connector::from_env).
    pub fn from_env() -> Result<Self, Error> {
        connector::Connector::from_env().map(|connector| Self::new(&connector))
    }

    /// Fetches a token if need be, and puts the login into the variables of libpq; see
    /// [`Connector::libpq_variables`](crate::Connector::libpq_variables).
    ///
    /// # Errors
    ///
    /// As that function.
    pub fn libpq_variables(&self) -> Result<LibpqVariables, Error> {
        let connector = self.inner.clone();
        self.wait_for(async move { connector.libpq_variables().await })
    }

    /// Fetches the first token ahead of its use, if a token logs in: a program that starts can tell so
    /// whether its identity works.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] as [`TokenCache::warm_up`] has it.
    pub fn warm_up(&self) -> Result<(), Error> {
        let Some(tokens) = self.token_cache().cloned() else { return Ok(()) };
        self.wait_for(async move { Ok(tokens.warm_up().await?) })
    }

    /// The token cache, for sharing and metrics; `None` if a password logs in.
    pub fn token_cache(&self) -> Option<&TokenCache> {
        self.inner.token_cache()
    }

    /// The settings in use.
    pub fn settings(&self) -> &Settings {
        self.inner.settings()
    }

    /// A session of this driver.
    pub(super) fn open<D>(&self, driver: D) -> Result<D::Session, Error>
    where
        D: Driver + Send + 'static,
        D::Session: 'static,
    {
        let connector = self.inner.clone();
        self.wait_for(async move { connector.open(&driver).await })
    }

    /// Runs the work on the connector's threads and waits for what comes out.
    pub(super) fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.threads.wait_for(work).map_err(|error| self.unreachable(error))?
    }

    /// An error that says there is no working connection.
    pub(super) fn unreachable(
        &self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let host = self.settings().first_host();
        ConnectError::new(host.name(), host.port(), true, cause).into()
    }

    #[cfg(feature = "blocking")]
    pub(super) fn inner(&self) -> &connector::Connector {
        &self.inner
    }
}

impl From<connector::Connector> for Connector {
    fn from(connector: connector::Connector) -> Self {
        Self::new(&connector)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Connector").field(&self.inner).finish()
    }
}
