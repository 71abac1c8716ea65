//! Brings the schema up to date when the application starts, with sqlx's migrations.
//!
//! With the variables of Service Connector: `cargo run --example migrations --features sqlx`. The role must
//! be allowed to create tables: `postgres-entra provision --grant owner`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --create-tables --` before that.

mod common;

use std::process::ExitCode;

use common::{Failure, exit};
use postgres_entra::{
    Connector,
    pool::sqlx::{EntraPgPool, pool_options},
};
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    let connector = Connector::from_env()?;
    let pool = EntraPgPool::open(&connector, pool_options().max_connections(4)).await?;

    // Instances that start at the same time wait for the first: sqlx takes a lock in the database.
    migrator().run(&*pool).await?;

    let count = "SELECT count(*) FROM _sqlx_migrations";
    let count: i64 = sqlx::query_scalar(count).fetch_one(&*pool).await?;
    println!("{count} migrations are applied");
    pool.close().await;
    Ok(())
}

/// With files in a folder `migrations` and sqlx's feature `macros` this is `sqlx::migrate!()`.
fn migrator() -> Migrator {
    let migration = |version, description: &'static str, sql: &'static str| {
        let (kind, sql) = (MigrationType::Simple, sql.into_sql_str());
        Migration::new(version, description.into(), kind, sql, false)
    };
    Migrator::with_migrations(vec![
        migration(
            1,
            "orders",
            "CREATE TABLE orders (id bigserial PRIMARY KEY, item text NOT NULL)",
        ),
        migration(2, "shipping", "ALTER TABLE orders ADD COLUMN shipped timestamptz"),
    ])
}
