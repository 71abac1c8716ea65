//! Finding the broken link: every step between an application and its database, tried one by one.
//!
//! ```no_run
//! use postgres_entra::Connector;
//!
//! # async fn run() {
//! let report = Connector::builder().diagnose().await;
//! println!("{report}");
//! if let Some(step) = report.first_failure() {
//!     eprintln!("broken at {}", step.name());
//! }
//! # }
//! ```
//!
//! The command `postgres-entra doctor` (feature `cli`) prints the report for the environment that it runs in.

mod kind;
mod login;
mod network;
mod render;
mod report;
mod running;
mod settings;
mod show;
mod token;
mod value;

use futures_util::future;
pub use render::ForTerminal;
pub use report::{Outcome, Report, Step, StepName};
pub use value::{Detail, Value};

use self::running::Running;
use crate::{
    connector::{Connector, ConnectorBuilder, runtime::in_runtime},
    error::Error,
};

impl ConnectorBuilder {
    /// Builds a connector and [diagnoses](Connector::diagnose) it; if it can't be built, the report
    /// says why.
    pub async fn diagnose(self) -> Report {
        let settings = match self.checked_settings() {
            Ok(settings) => settings::settings(&settings),
            Err(error) => return Report::from_error(&error),
        };
        match self.build() {
            Ok(connector) => connector.diagnose().await,
            Err(error) => {
                let identity = Running::start(StepName::Identity).failed(&error);
                Report::ending_with(vec![settings, identity])
            }
        }
    }
}

impl Connector {
    /// Tries every step of a connect and reports on each, with the fix where one fails.
    ///
    /// Never fails and never panics. Takes no longer than the connector's deadline; the token and the
    /// network are looked at side by side, so a slow one doesn't hide the other. The report is about
    /// now: a failed step is not tried again, other than a token source does by itself. A credential is
    /// sent in the login alone, and the login is tried only after TLS was verified and the token found
    /// to be for this server.
    ///
    /// Of several servers and addresses, TCP and TLS are probed one by one until TLS is there, as the
    /// login tries them.
    ///
    /// Cancel safe: dropping the future closes what it opened. A token that it has fetched stays in the
    /// cache.
    pub async fn diagnose(&self) -> Report {
        let report = in_runtime(self.steps()).await;
        report.map_or_else(|error| Report::from_error(&error.into()), Report::new)
    }

    async fn steps(&self) -> Vec<Step> {
        let deadline = self.ends_at();
        let mut steps = vec![settings::settings(self.settings()), settings::identity(self)];
        let (of_token, of_network) =
            future::join(token::steps(self, deadline), network::steps(self, deadline)).await;
        let (token_steps, token) = of_token;
        steps.extend(token_steps);
        steps.extend(of_network);
        let failed = steps.iter().find(|step| step.is_failed()).map(Step::name);
        match failed {
            Some(broken) => steps.extend(login::skipped(broken)),
            None => steps.extend(login::steps(self, token.as_ref(), deadline).await),
        }
        steps
    }
}

impl Report {
    /// The report on a connector that could not be built: the settings are the broken step.
    pub fn from_error(error: &Error) -> Self {
        Self::ending_with(vec![Running::start(StepName::Settings).failed(error)])
    }

    /// The report on these first steps, of which the last one failed.
    fn ending_with(mut steps: Vec<Step>) -> Self {
        if let Some(broken) = steps.last().map(Step::name) {
            let others = StepName::ALL.iter().copied().skip(steps.len());
            steps.extend(others.map(|name| Step::not_reached(name, broken)));
        }
        Self::new(steps)
    }
}
