//! Where and as whom the administration is connected.

use tokio_postgres::{Transaction, error::SqlState};

use super::{AdminError, Plan};

/// Asked for at the start, because a transaction that failed answers nothing more.
pub(super) struct Session {
    pub(super) database: String,
    /// The role that logged in.
    user: String,
    /// The role that statements run as: another one after `SET ROLE`.
    current: String,
}

impl Session {
    pub(super) async fn of(transaction: &Transaction<'_>) -> Result<Self, AdminError> {
        let sql = "SELECT current_database()::text, session_user::text, current_user::text";
        let row = transaction
            .query_one(sql, &[])
            .await
            .map_err(AdminError::sql("ask who is connected"))?;
        Ok(Self { database: row.get(0), user: row.get(1), current: row.get(2) })
    }

    /// The role that statements run as.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// Refuses a plan for another database.
    pub(super) fn check_database(&self, plan: &Plan) -> Result<(), AdminError> {
        if self.database == plan.database() {
            return Ok(());
        }
        let (connected, wanted) = (self.database.clone(), plan.database().to_owned());
        Err(AdminError::WrongDatabase { connected, wanted })
    }

    /// The number of a role, if it exists.
    pub(super) async fn role_id(
        &self,
        transaction: &Transaction<'_>,
        role: &str,
    ) -> Result<Option<u32>, AdminError> {
        let sql = "SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1";
        let row = transaction
            .query_opt(sql, &[&role])
            .await
            .map_err(AdminError::sql("look the role up"))?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Makes a clearer error of what a function of `pgaadauth` or `DROP ROLE` answered.
    pub(super) fn explain(&self, error: AdminError) -> AdminError {
        let (database, user) = (self.database.clone(), self.user.clone());
        match error {
            AdminError::Sql { cause, .. }
                if cause.code() == Some(&SqlState::UNDEFINED_FUNCTION) =>
            {
                AdminError::FunctionsMissing { database, cause }
            }
            AdminError::Sql { cause, .. }
                if cause.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                AdminError::NotAdministrator { user, cause }
            }
            error => error,
        }
    }
}
