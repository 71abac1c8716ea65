//! `provision`: a database role for an identity, and what it may do.

use std::{error::Error, process::ExitCode, str::FromStr};

use clap::Args;
use postgres_entra::{
    Connector, Environment, Settings,
    admin::{self, Grant, Level, Principal, PrincipalType},
};

use crate::{Outcome, block_on, options::Options};

/// Create the database role of an identity and grant it what it needs
///
/// Logs in as the Microsoft Entra administrator whom this environment describes. Each step is a
/// transaction, says what it changed, and can be run again at any time.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The role; without --object-id also the principal's name in the tenant.
    #[arg(long, value_name = "NAME")]
    role: String,
    /// The principal's object id, which `az ad sp show --id CLIENT_ID --query id` prints.
    #[arg(long, value_name = "ID")]
    object_id: Option<String>,
    /// What the principal is: service (an application or managed identity), user or group.
    #[arg(long, value_name = "KIND", requires = "object_id", default_value = "service",
          value_parser = PrincipalType::from_str)]
    kind: PrincipalType,
    /// Make it a Microsoft Entra administrator of the server.
    #[arg(long)]
    admin: bool,
    /// Take only its tokens from a multi-factor sign-in.
    #[arg(long)]
    mfa: bool,
    /// Grant this in the schema: read, write or owner.
    #[arg(long, value_name = "LEVEL", value_parser = Level::from_str)]
    grant: Option<Level>,
    /// The schema of the grant.
    #[arg(long, value_name = "NAME", requires = "grant", default_value = "public")]
    schema: String,
    /// The database of the grant, if not the one that this environment names.
    #[arg(long, value_name = "NAME", requires = "grant")]
    database: Option<String>,
    /// Print the SQL, and connect to nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Arguments {
    fn principal(&self) -> Principal {
        let principal = match &self.object_id {
            Some(id) => Principal::by_object_id(&self.role, id, self.kind),
            None => Principal::by_name(&self.role),
        };
        principal.admin(self.admin).mfa(self.mfa)
    }

    /// The grant, if one is asked for. The environment is read only where it has to name the database.
    fn wanted_grant(&self, options: &Options) -> Result<Option<Grant>, Box<dyn Error>> {
        let Some(level) = self.grant else { return Ok(None) };
        let database = match &self.database {
            Some(database) => database.clone(),
            None => {
                let settings =
                    Settings::from_environment(&Environment::process(), &options.names())?;
                let database = settings.database().map(str::to_owned);
                database.ok_or("the environment names no database; use --database")?
            }
        };
        Ok(Some(Grant::new(&self.role, database, level).schema(&self.schema)))
    }
}

pub(crate) fn run(options: &Options, arguments: &Arguments) -> Outcome {
    let (principal, grant) = (arguments.principal(), arguments.wanted_grant(options)?);
    // Both plans are made first, so that a bad name is refused before anything is changed.
    let principal_plan = principal.plan()?;
    let grant_plan = grant.as_ref().map(Grant::plan).transpose()?;
    if arguments.dry_run {
        println!("{principal_plan}");
        grant_plan.iter().for_each(|plan| println!("\n{plan}"));
        return Ok(ExitCode::SUCCESS);
    }
    let connector = options.builder().build()?;
    block_on(async {
        let mut client = in_database(options, &connector, principal_plan.database())?;
        let change = admin::ensure_principal(&mut client.connect().await?, &principal).await?;
        println!("role {}: {change}", principal.role());
        if let (Some(grant), Some(plan)) = (&grant, &grant_plan) {
            client = in_database(options, &connector, plan.database())?;
            let outcome = admin::grant(&mut client.connect().await?, grant).await?;
            println!("database {}: {outcome}", plan.database());
        }
        Ok(ExitCode::SUCCESS)
    })?
}

/// The same login in another database, with the same token.
fn in_database(
    options: &Options,
    connector: &Connector,
    database: &str,
) -> Result<Connector, postgres_entra::Error> {
    let settings = connector.settings().clone().with_database(database);
    let builder = options.builder().settings(settings);
    match connector.token_cache() {
        Some(tokens) => builder.token_cache(tokens.clone()).build(),
        None => builder.build(),
    }
}
