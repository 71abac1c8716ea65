//! An application, and tests of it against a local Azure: nothing of it is replaced for them.
//!
//! ```sh
//! cargo test --example testing --features emulator
//! ```
//!
//! In a project of your own, `emulator` is a feature of the dev-dependency alone.

mod common;

use std::process::ExitCode;

use common::{Failure, exit};
use postgres_entra::Connector;

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    println!("{} orders are open", open_orders(&Connector::from_env()?).await?);
    Ok(())
}

async fn open_orders(connector: &Connector) -> Result<i64, Failure> {
    let count = "SELECT count(*) FROM shop.orders WHERE shipped IS NULL";
    Ok(connector.connect().await?.query_one(count, &[]).await?.get(0))
}

#[cfg(test)]
mod tests {
    use postgres_entra::emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform};

    use super::*;

    const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

    const SHOP: &str = "CREATE SCHEMA shop;
        CREATE TABLE shop.orders (item text, shipped timestamptz);
        INSERT INTO shop.orders VALUES ('pen', NULL), ('ink', now()), ('paper', NULL);
        GRANT USAGE ON SCHEMA shop TO PUBLIC;
        GRANT SELECT ON shop.orders TO PUBLIC;";

    #[tokio::test]
    async fn open_orders_are_counted_also_while_the_identity_service_is_down() {
        let azure = LocalAzure::start().await.unwrap();
        azure.server().execute(SHOP).await.unwrap();
        // What the application finds in its environment on App Service.
        let connector = Connector::from_vars(azure.vars(LOGIN, ClientType::Other)).unwrap();
        assert_eq!(open_orders(&connector).await.unwrap(), 2);

        azure.identity_service().set_fault(Some(IdentityFault::Outage));
        assert_eq!(open_orders(&connector).await.unwrap(), 2);
    }
}
