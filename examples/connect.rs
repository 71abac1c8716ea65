//! Connects to the server that the environment describes, and asks who is there.
//!
//! On App Service, Container Apps, AKS or a virtual machine with a Service Connector connection:
//!
//! ```sh
//! cargo run --example connect
//! ```

use std::{error::Error, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            causes.for_each(|cause| eprintln!("  caused by: {cause}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let client = postgres_entra::connect().await?;
    let row = client.query_one("SELECT current_user::text, version()", &[]).await?;
    println!("logged in as {}\n{}", row.get::<_, &str>(0), row.get::<_, &str>(1));
    Ok(())
}
