//! Gives an identity its database role: creates the role unless it is there, and grants it what it needs.
//!
//! ```sh
//! provision --role aad_orders --object-id a17d3f52-84c9-4e0b-b6d1-f2953c7e8a01 --kind service \
//!     --grant write --schema public
//! ```
//!
//! Try it on a local Azure, without any account:
//!
//! ```sh
//! cargo build --examples --features emulator
//! target/debug/examples/local_azure --kind administrator -- target/debug/examples/provision \
//!     --role aad_orders --object-id a17d3f52-84c9-4e0b-b6d1-f2953c7e8a01 --grant write
//! ```
//!
//! Connects as the Microsoft Entra administrator whom the environment variables describe. Can be run
//! again at any time; `--dry-run` prints the SQL and connects to nothing.

use std::{error::Error, process::ExitCode};

use postgres_entra::{
    ConnectionNames, Connector, Environment, Settings,
    admin::{self, Grant, Level, Principal, PrincipalType},
};

const USAGE: &str = "\
Usage: provision --role NAME [OPTIONS]

  --role NAME                  the role; without --object-id also the principal's name in the tenant
  --object-id ID               the principal's object id
  --kind service|user|group    what it is (service); goes with --object-id
  --admin                      make it a Microsoft Entra administrator of the server
  --mfa                        take only its tokens from a multi-factor sign-in
  --grant read|write|owner     what to grant; nothing if left out
  --schema NAME                the schema of the grant (public)
  --database NAME              the database of the grant; else the one in the environment variables
  --dry-run                    print the SQL, connect to nothing
  --help                       show this text

Exit status: 0 done, 1 failed, 2 wrong arguments.";

enum Request {
    Help,
    Run(Arguments),
}

#[derive(Default)]
struct Arguments {
    role: Option<String>,
    object_id: Option<String>,
    kind: Option<PrincipalType>,
    is_admin: bool,
    requires_mfa: bool,
    level: Option<Level>,
    schema: Option<String>,
    database: Option<String>,
    is_dry_run: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (principal, arguments) = match parse(std::env::args().skip(1)) {
        Ok(Request::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Request::Run(arguments)) => match arguments.principal() {
            Ok(principal) => (principal, arguments),
            Err(problem) => return usage_error(&problem),
        },
        Err(problem) => return usage_error(&problem),
    };
    match run(&principal, &arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("provision: {error}");
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            causes.for_each(|cause| eprintln!("  caused by: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn usage_error(problem: &str) -> ExitCode {
    eprintln!("provision: {problem}\n\n{USAGE}");
    ExitCode::from(2)
}

fn parse(mut options: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut arguments = Arguments::default();
    while let Some(option) = options.next() {
        let mut value = || options.next().ok_or_else(|| format!("{option} needs a value"));
        let malformed = |error: &dyn Error| format!("{option}: {error}");
        match option.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--role" => arguments.role = Some(value()?),
            "--object-id" => arguments.object_id = Some(value()?),
            "--kind" => arguments.kind = Some(value()?.parse().map_err(|error| malformed(&error))?),
            "--admin" => arguments.is_admin = true,
            "--mfa" => arguments.requires_mfa = true,
            "--grant" => {
                arguments.level = Some(value()?.parse().map_err(|error| malformed(&error))?);
            }
            "--schema" => arguments.schema = Some(value()?),
            "--database" => arguments.database = Some(value()?),
            "--dry-run" => arguments.is_dry_run = true,
            _ => return Err(format!("unknown option {option}")),
        }
    }
    Ok(Request::Run(arguments))
}

impl Arguments {
    fn principal(&self) -> Result<Principal, String> {
        let role = self.role.clone().ok_or("--role is missing")?;
        let principal = match (&self.object_id, self.kind) {
            (Some(id), kind) => {
                Principal::by_object_id(role, id, kind.unwrap_or(PrincipalType::Service))
            }
            (None, None) => Principal::by_name(role),
            (None, Some(_)) => return Err("--kind goes with --object-id".to_owned()),
        };
        if self.level.is_none() && (self.schema.is_some() || self.database.is_some()) {
            return Err("--schema and --database go with --grant".to_owned());
        }
        Ok(principal.admin(self.is_admin).mfa(self.requires_mfa))
    }

    /// The grant, if one is asked for. The environment is read only where it has to name the database.
    fn grant(&self, role: &str) -> Result<Option<Grant>, Box<dyn Error>> {
        let Some(level) = self.level else { return Ok(None) };
        let database = match &self.database {
            Some(database) => database.clone(),
            None => {
                let settings = Settings::from_environment(
                    &Environment::process(),
                    &ConnectionNames::default(),
                );
                let database = settings?.database().map(str::to_owned);
                database.ok_or("the environment names no database: use --database")?
            }
        };
        let grant = Grant::new(role, database, level);
        Ok(Some(match &self.schema {
            Some(schema) => grant.schema(schema),
            None => grant,
        }))
    }
}

async fn run(principal: &Principal, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let grant = arguments.grant(principal.role())?;
    // Both plans are made first, so that a bad name is refused before anything is changed.
    let principal_plan = principal.plan()?;
    let grant_plan = grant.as_ref().map(Grant::plan).transpose()?;
    if arguments.is_dry_run {
        println!("{principal_plan}");
        grant_plan.iter().for_each(|plan| println!("\n{plan}"));
        return Ok(());
    }

    let connector = Connector::from_env()?;
    let mut client = in_database(&connector, principal_plan.database())?.connect().await?;
    let change = admin::ensure_principal(&mut client, principal).await?;
    println!("role {}: {change}", principal.role());
    if let (Some(grant), Some(plan)) = (grant, grant_plan) {
        let mut client = in_database(&connector, plan.database())?.connect().await?;
        let outcome = admin::grant(&mut client, &grant).await?;
        println!("database {}: {outcome}", plan.database());
    }
    Ok(())
}

/// The same login in another database, with the same token.
fn in_database(connector: &Connector, database: &str) -> Result<Connector, postgres_entra::Error> {
    let settings = connector.settings().clone().with_database(database);
    let builder = Connector::builder().settings(settings);
    match connector.token_cache() {
        Some(tokens) => builder.token_cache(tokens.clone()).build(),
        None => builder.build(),
    }
}
