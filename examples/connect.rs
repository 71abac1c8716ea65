//! Connects to the server that the environment describes, and asks who is there.
//!
//! On App Service, Functions, Container Apps or AKS with a connection of Service Connector, or anywhere
//! with `PGHOST`, `PGDATABASE` and `PGUSER`:
//!
//! ```sh
//! cargo run --example connect
//! ```

mod common;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    common::exit(run().await)
}

async fn run() -> Result<(), common::Failure> {
    let client = postgres_entra::connect().await?;
    let row = client.query_one("SELECT current_user::text, version()", &[]).await?;
    println!("logged in as {}\n{}", row.get::<_, &str>(0), row.get::<_, &str>(1));
    Ok(())
}
