//! A diesel-async pool, each connection of which logs in with a valid token.
//!
//! In Azure with a Service Connector connection, or against a local Azure:
//!
//! ```sh
//! cargo run --example diesel_async --features diesel-async
//! cargo run --example local_azure --features emulator -- \
//!     cargo run --example diesel_async --features diesel-async
//! ```

use std::{error::Error, process::ExitCode};

use diesel::{
    dsl::sql,
    sql_types::{Integer, Text},
};
use diesel_async::{RunQueryDsl, pooled_connection::deadpool::Pool};
use postgres_entra::{Connector, pool};

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
    let connector = Connector::from_env()?;
    let pool = Pool::builder(pool::diesel_async::manager(&connector)).max_size(4).build()?;

    let mut connection = pool.get().await?;
    let who = diesel::select((sql::<Text>("current_user::text"), sql::<Text>("version()")));
    let (user, version): (String, String) = who.get_result(&mut connection).await?;
    println!("logged in as {user}\n{version}");

    let sum = diesel::select(sql::<Integer>("").bind::<Integer, _>(40).sql(" + 2"));
    let answer: i32 = sum.get_result(&mut connection).await?;
    println!("40 + 2 = {answer}");

    drop(connection);
    pool.close();
    Ok(())
}
