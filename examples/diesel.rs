//! Twenty queries from twenty threads over an r2d2 pool of four of diesel's `PgConnection`s.
//!
//! With the variables of Service Connector: `cargo run --example diesel --features diesel`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::{process::ExitCode, thread, time::Duration};

use common::{Failure, exit};
use diesel::{RunQueryDsl, dsl::sql, r2d2::Pool, sql_types::Text};
use postgres_entra::blocking::{Connector, diesel::ConnectionManager};

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
    let user = diesel::select(sql::<Text>("current_user::text"));
    Ok(user.get_result(&mut pool.get()?)?)
}
