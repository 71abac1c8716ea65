//! A recipe for any pool of tokio-postgres clients: what its manager has to do.
//!
//! With the variables of Service Connector: `cargo run --example generic_pool`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::{process::ExitCode, time::Duration};

use common::{Failure, exit};
use postgres_entra::Connector;
use tokio::time::timeout;
use tokio_postgres::Client;

const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// The functions that pools ask for, under one name or another.
struct Manager(Connector);

impl Manager {
    /// Opens a connection with a token that is valid now. `Connector::connect` spawns such a task
    /// itself; with the parts it can be your own, such as one that also receives notifications.
    async fn connect(&self) -> Result<Client, postgres_entra::Error> {
        let (client, connection) = self.0.connect_parts().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection broke: {error}");
            }
        });
        Ok(client)
    }

    /// Before a connection is handed out again: a round trip, with a limit, since a server may hang.
    async fn is_valid(&self, client: &Client) -> bool {
        matches!(timeout(CHECK_LIMIT, client.check_connection()).await, Ok(Ok(())))
    }

    /// When a connection comes back: whether it is known to be of no use any more.
    fn has_broken(&self, client: &Client) -> bool {
        client.is_closed()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

/// What a pool does with these functions over the life of a connection.
async fn run() -> Result<(), Failure> {
    let manager = Manager(Connector::from_env()?);
    let client = manager.connect().await?;
    assert!(manager.is_valid(&client).await);
    let row = client.query_one("SELECT current_user::text", &[]).await?;
    println!("{}", row.get::<_, &str>(0));
    if !manager.has_broken(&client) {
        println!("ready for the next one");
    }
    Ok(())
}
