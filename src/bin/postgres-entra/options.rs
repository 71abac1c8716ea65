//! The options that all subcommands have.

use std::time::Duration;

use clap::{ArgMatches, Args, parser::ValueSource};
use postgres_entra::{
    ConnectionNames, Connector, ConnectorBuilder,
    source::{CredentialChoice, UnknownCredential},
};

/// The longest that may be asked for: a year.
const LONGEST: u64 = 365 * 86_400;

#[derive(Args)]
#[command(next_help_heading = "Login options")]
pub(crate) struct Options {
    /// Which Service Connector connection to use, by the prefix of its variables.
    #[arg(long, global = true, value_name = "PREFIX", default_value = "AZURE_POSTGRESQL")]
    connection: String,
    /// Use the variables that Aspire sets for this resource instead.
    #[arg(long, global = true, value_name = "RESOURCE", conflicts_with = "connection")]
    aspire: Option<String>,
    /// Send a token to this host too, which is not under Azure's domains. Can be repeated.
    #[arg(long, global = true, value_name = "HOST")]
    trust_host: Vec<String>,
    /// Log in with this credential, as AZURE_TOKEN_CREDENTIALS names it: `dev` is your own login of `az`.
    #[arg(long, global = true, value_name = "NAME", value_parser = credential)]
    credential: Option<CredentialChoice>,
    /// How long logging in may take, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=LONGEST))]
    deadline: u64,
}

fn credential(name: &str) -> Result<CredentialChoice, UnknownCredential> {
    name.parse()
}

/// The first of the options that the command line states.
pub(crate) fn stated(matches: &ArgMatches) -> Option<&'static str> {
    let of_command = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let is_stated = |matches: &ArgMatches, id: &str| {
        matches.try_contains_id(id).unwrap_or_default()
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    const OPTIONS: [(&str, &str); 5] = [
        ("connection", "connection"),
        ("aspire", "aspire"),
        ("trust_host", "trust-host"),
        ("credential", "credential"),
        ("deadline", "deadline"),
    ];
    let found =
        OPTIONS.into_iter().find(|(id, _)| is_stated(matches, id) || is_stated(of_command, id));
    found.map(|(_, option)| option)
}

impl Options {
    /// A builder that reads this process' environment.
    pub(crate) fn builder(&self) -> ConnectorBuilder {
        let builder = Connector::builder().connection_names(self.names()).deadline(self.deadline());
        let builder = match self.credential {
            Some(choice) => builder.credential(choice),
            None => builder,
        };
        self.trust_host.iter().fold(builder, ConnectorBuilder::trust_host)
    }

    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }

    pub(crate) fn names(&self) -> ConnectionNames {
        match &self.aspire {
            Some(resource) => ConnectionNames::aspire(resource),
            None => ConnectionNames::new(&self.connection),
        }
    }
}
