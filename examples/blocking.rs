//! Twenty queries from twenty threads over an r2d2 pool of four connections of the `postgres` crate.
//!
//! With the variables of Service Connector: `cargo run --example blocking --features blocking`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::{process::ExitCode, thread, time::Duration};

use common::{Failure, exit};
use postgres_entra::blocking::{ConnectionManager, Connector};
use r2d2::Pool;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let connector = Connector::from_env()?;
    let pool = Pool::builder()
        .max_size(4)
        // A little more than the connector's deadline, so that its error is known by then.
        .connection_timeout(Duration::from_secs(35))
        .build(ConnectionManager::new(&connector))?;

    let queries: Vec<_> = (0..20)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(move || current_user(&pool))
        })
        .collect();
    for query in queries {
        println!("{}", query.join().expect("a thread without panics")?);
    }

    let token_requests = connector.token_cache().map_or(0, |tokens| tokens.stats().fetches);
    println!("20 queries, {token_requests} token request");
    Ok(())
}

fn current_user(pool: &Pool<ConnectionManager>) -> Result<String, Failure> {
    Ok(pool.get()?.query_one("SELECT current_user::text", &[])?.get(0))
}
