//! What a login lends the drivers of blocking code.

use std::time::Duration;

use super::Attempt;
#[cfg(feature = "blocking")]
use crate::config::Settings;
use crate::{
    clock::{Clock, SystemClock},
    error::{ConnectError, Error},
};
#[cfg(feature = "diesel")]
use crate::{
    config::Host,
    connector::{LibpqVariables, driver::error::classify_answer},
    error::Stage,
    excerpt::excerpt,
    secret::Secret,
};

/// For drivers that wait on a thread of their own, which nobody but themselves can stop.
impl Attempt<'_> {
    /// How long the connector waits for this login.
    pub(crate) fn limit(&self) -> Duration {
        let left = self.progress.deadline().saturating_duration_since(SystemClock.now().monotonic);
        self.limit.min(left)
    }

    /// The settings of the connector.
    #[cfg(feature = "blocking")]
    pub(crate) fn settings(&self) -> &Settings {
        self.connector.settings()
    }

    /// The server to log in to.
    #[cfg(feature = "diesel")]
    pub(crate) fn host(&self) -> &Host {
        self.host
    }

    /// Whether it matters what the server is.
    pub(crate) fn asks_for_role(&self) -> bool {
        self.wanted.is_some()
    }

    /// An error that says the server can't be reached now.
    pub(crate) fn unreachable(
        &self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        ConnectError::new(self.host.name(), self.host.port(), true, cause).into()
    }
}

/// For the driver that takes a connection string.
#[cfg(feature = "diesel")]
impl Attempt<'_> {
    /// The settings and the login as libpq's connection string, for this address alone and with this limit.
    pub(crate) fn conninfo(&self, limit: Duration) -> Result<Secret, Error> {
        let server = self.host.clone().with_address(self.address.ip());
        let vars = LibpqVariables::for_hosts(&[server], self.connector.settings(), self.login)?;
        Ok(vars.for_one_try(limit).conninfo())
    }

    /// What the server answered, sorted as [`classify`](Self::classify) does.
    pub(crate) fn answered(&self, sqlstate: &str, message: &str) -> Error {
        classify_answer(sqlstate, message, self.host, Some(self.login))
    }

    /// As much of a foreign text as may be shown, without this login's secret.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        excerpt(text, &[self.login.password()])
    }

    /// The connect's progress says from now on that it is the login that is waited for.
    pub(crate) fn enter_login(&self) {
        self.progress.enter(Stage::Login);
    }
}
