use postgres::Client;
use postgres_entra::blocking::{ConnectionManager, Connector, ErrorLog};

use super::{Manager, tell_stories};
use crate::support::chain;

impl Manager for ConnectionManager {
    fn of(connector: &Connector) -> (Self, ErrorLog) {
        let manager = Self::new(connector);
        let errors = manager.error_log();
        (manager, errors)
    }

    fn value_of(client: &mut Client, expression: &str) -> Result<i64, String> {
        let row = client.query_one(&format!("SELECT ({expression})::bigint"), &[]);
        row.map(|row| row.get(0)).map_err(|error| chain(&error))
    }
}

tell_stories!(ConnectionManager);
