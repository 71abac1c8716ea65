use diesel::{PgConnection, RunQueryDsl, dsl::sql, sql_types::BigInt};
use postgres_entra::blocking::{Connector, ErrorLog, diesel::ConnectionManager};

use super::{Manager, tell_stories};
use crate::support::chain;

impl Manager for ConnectionManager {
    fn of(connector: &Connector) -> (Self, ErrorLog) {
        let manager = Self::new(connector);
        let errors = manager.error_log();
        (manager, errors)
    }

    fn value_of(connection: &mut PgConnection, expression: &str) -> Result<i64, String> {
        let value = diesel::select(sql::<BigInt>(&format!("({expression})::bigint")));
        value.get_result(connection).map_err(|error| chain(&error))
    }
}

tell_stories!(ConnectionManager);
