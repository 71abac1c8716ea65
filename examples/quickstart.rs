//! Shows what the crate does, against a local Azure that it starts and stops itself.
//!
//! ```sh
//! cargo run --example quickstart --features emulator
//! ```

mod common;

use std::{
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use common::Failure;
use postgres_entra::{
    Connector,
    emulator::{ClientType, LocalAzure, Login, Platform},
};

/// What is shown: a heading, who logs in, and the Service Connector client type of the variables.
const SCENES: [(&str, Login, ClientType); 5] = [
    (
        "App Service, system-assigned identity",
        Login::SystemAssigned(Platform::AppService),
        ClientType::Python,
    ),
    (
        "App Service, user-assigned identity",
        Login::UserAssigned(Platform::AppService),
        ClientType::NodeJs,
    ),
    (
        "virtual machine (IMDS), system-assigned identity",
        Login::SystemAssigned(Platform::VirtualMachine),
        ClientType::DotNet,
    ),
    (
        "virtual machine (IMDS), user-assigned identity",
        Login::UserAssigned(Platform::VirtualMachine),
        ClientType::Go,
    ),
    ("service principal with a client secret", Login::ServicePrincipal, ClientType::Other),
];

#[tokio::main]
async fn main() -> ExitCode {
    common::exit(run().await)
}

async fn run() -> Result<(), Failure> {
    let started = Instant::now();
    let azure = LocalAzure::start().await?;
    println!("local Azure started in {:.1} s", started.elapsed().as_secs_f32());
    for (heading, login, client_type) in SCENES {
        println!("\n{heading}");
        log_in(azure.vars(login, client_type)).await?;
    }
    println!("\nreuse and rotation");
    rotate(&azure).await
}

/// Logs in with nothing but the variables that Azure would set.
async fn log_in(vars: Vec<(String, String)>) -> Result<(), Failure> {
    for (name, value) in &vars {
        println!("  {name}={}", masked(name, value));
    }
    let connector = Connector::from_vars(vars)?;
    let started = Instant::now();
    let client = connector.connect().await?;
    let took = started.elapsed();
    let row = client.query_one("SELECT current_user::text, version()", &[]).await?;
    println!("  -> {}", row.get::<_, &str>(1));
    println!("  -> current_user {}", row.get::<_, &str>(0));

    let tokens = connector.token_cache().ok_or("this login uses no token")?;
    let life = tokens.token().await?.life_left(SystemTime::now());
    println!(
        "  -> token from {}, {:.1} h left; connected in {} ms",
        tokens.source_name(),
        life.as_secs_f32() / 3600.0,
        took.as_millis()
    );
    Ok(())
}

/// A second connect reuses the token; after a rotation the next one has the new token.
async fn rotate(azure: &LocalAzure) -> Result<(), Failure> {
    azure.identity_service().set_token_lifetime(Duration::from_secs(4));
    let vars = azure.vars(Login::SystemAssigned(Platform::AppService), ClientType::Python);
    let connector = Connector::from_vars(vars)?;
    let tokens = connector.token_cache().ok_or("this login uses no token")?;

    connector.connect().await?;
    let first = tokens.token().await?;
    connector.connect().await?;
    println!("  two connects, {} token request", tokens.stats().fetches);

    let rest = first.life_left(SystemTime::now());
    println!("  waiting {:.1} s for the token to expire", rest.as_secs_f32());
    tokio::time::sleep(rest).await;

    let client = connector.connect().await?;
    let rotated = !tokens.token().await?.is_same_as(&first);
    if !rotated {
        return Err("the expired token is still in use".into());
    }
    let row = client.query_one("SELECT current_user::text", &[]).await?;
    println!("  connected again as {} with a new token", row.get::<_, &str>(0));
    Ok(())
}

/// Hides what must not be on a screen.
fn masked<'a>(name: &str, value: &'a str) -> &'a str {
    let secret = ["SECRET", "PASSWORD", "IDENTITY_HEADER"].iter().any(|part| name.contains(part));
    if secret { "********" } else { value }
}
