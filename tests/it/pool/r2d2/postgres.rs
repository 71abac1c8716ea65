use postgres_entra::blocking::{ConnectionManager, Connector, ErrorLog, PooledClient};

use super::{Manager, tell_stories};
use crate::support::chain;

impl Manager for ConnectionManager {
    fn of(connector: &Connector) -> (Self, ErrorLog) {
        let manager = Self::new(connector);
        let errors = manager.error_log();
        (manager, errors)
    }

    fn value_of(client: &mut PooledClient, expression: &str) -> Result<i64, String> {
        let row = client.query_one(&format!("SELECT ({expression})::bigint"), &[]);
        row.map(|row| row.get(0)).map_err(|error| chain(&error))
    }
}

tell_stories!(ConnectionManager);

#[tokio::test]
async fn it_leaves_sessions_that_hang() {
    pool_story::leaves_sessions_that_hang::<R2d2<ConnectionManager>>().await;
}
