use diesel::{PgConnection, RunQueryDsl, dsl::sql, sql_types::Integer};
use postgres_entra::blocking::{Connector, ErrorLog, diesel::ConnectionManager};

use super::{Manager, tell_stories};
use crate::support::chain;

impl Manager for ConnectionManager {
    fn of(connector: &Connector) -> (Self, ErrorLog) {
        let manager = Self::new(connector);
        let errors = manager.error_log();
        (manager, errors)
    }

    fn backend_pid(connection: &mut PgConnection) -> Result<i32, String> {
        let pid = diesel::select(sql::<Integer>("pg_backend_pid()"));
        pid.get_result(connection).map_err(|error| chain(&error))
    }
}

tell_stories!(ConnectionManager);
