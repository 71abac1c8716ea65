use std::fmt;

use tokio_postgres::{Client, IsolationLevel, Transaction, error::SqlState};

use super::AdminError;

/// Concurrent `GRANT`s on one object fail with "tuple concurrently updated", so those of this crate
/// take turns in each database. The number is arbitrary and must not change.
pub(super) const TURN: i64 = 0x706f_7374_656e_7472;
/// What waiting for the turn is called in an error.
pub(super) const TAKE_TURN: &str = "let this administration take its turn";
/// Long against any of the statements; a lock that is held longer than this needs a person. A session may
/// have a shorter limit of its own.
const LOCK_LIMIT: &str = "\
    SELECT pg_catalog.set_config('lock_timeout', '30s', true) FROM pg_catalog.pg_settings \
    WHERE name = 'lock_timeout' AND setting::int NOT BETWEEN 1 AND 30000";

/// Without this, whoever may create functions or operators in a schema of the search path could have
/// the administrator call them in place of the server's own
/// ([CVE-2018-1058](https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058)).
const SEARCH_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";
/// Each conflict needs another session that commits just then.
const MOST_ATTEMPTS: u32 = 10;

/// The statements that an operation runs, in one transaction, in one database.
///
/// What `Display` shows is what is executed: a script for psql, with the transaction around it. Every name
/// in it is qualified, so that it means the same under any `search_path`.
///
/// ```
/// use postgres_entra::admin::{Grant, Level};
///
/// let plan = Grant::new("aad_orders", "orders", Level::Read).plan()?;
/// assert_eq!(plan.statements()[0], r#"GRANT CONNECT ON DATABASE "orders" TO "aad_orders""#);
/// # Ok::<(), postgres_entra::admin::AdminError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    database: String,
    statements: Vec<String>,
}

impl Plan {
    pub(super) fn new(database: &str, statements: Vec<String>) -> Self {
        Self { database: database.to_owned(), statements }
    }

    /// The database that the statements belong in.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The statements in order, without semicolons.
    pub fn statements(&self) -> &[String] {
        &self.statements
    }

    pub(super) async fn run(&self, transaction: &Transaction<'_>) -> Result<(), AdminError> {
        for statement in &self.statements {
            let result = transaction.batch_execute(statement).await;
            result.map_err(AdminError::sql(format!("execute `{statement}`")))?;
        }
        Ok(())
    }

    /// Runs it as statements for which the connected role needs the rights of owners.
    pub(super) async fn run_as_owner(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<(), AdminError> {
        let outcome = self.run(transaction).await;
        outcome.map_err(|error| match error.with_state(&SqlState::INSUFFICIENT_PRIVILEGE) {
            Ok(cause) => AdminError::NotOwner { cause },
            Err(error) => error,
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line break in the name would end the comment.
        writeln!(f, "-- in the database {:?}", self.database)?;
        writeln!(f, "BEGIN;")?;
        for statement in &self.statements {
            writeln!(f, "{statement};")?;
        }
        write!(f, "COMMIT;")
    }
}

/// Begins a transaction in which this crate's administration is alone in the database. Dropping it
/// undoes everything.
pub(super) async fn begin(client: &mut Client) -> Result<Transaction<'_>, AdminError> {
    let transaction = start(client, false).await?;
    let failed = AdminError::sql("begin a transaction");
    transaction.batch_execute(LOCK_LIMIT).await.map_err(failed)?;
    let take_turn = "SELECT pg_catalog.pg_advisory_xact_lock($1)";
    transaction.execute(take_turn, &[&TURN]).await.map_err(AdminError::sql(TAKE_TURN))?;
    Ok(transaction)
}

/// Begins a transaction that changes nothing and waits for nobody.
pub(super) async fn begin_reading(client: &mut Client) -> Result<Transaction<'_>, AdminError> {
    start(client, true).await
}

/// In the isolation level in which whoever has waited for a turn sees what was done meanwhile, whatever
/// the session's default is.
async fn start(client: &mut Client, read_only: bool) -> Result<Transaction<'_>, AdminError> {
    let failed = || AdminError::sql("begin a transaction");
    let builder = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = builder.read_only(read_only).start().await.map_err(failed())?;
    transaction.batch_execute(SEARCH_PATH).await.map_err(failed())?;
    Ok(transaction)
}

pub(super) async fn commit(transaction: Transaction<'_>) -> Result<(), AdminError> {
    transaction.commit().await.map_err(AdminError::sql("commit"))
}

/// How often an operation was run.
#[derive(Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// Whether to run the whole transaction once more: it met a change that another session was
    /// making to the same object, as sessions in other databases may, or a deadlock, and did nothing.
    pub(super) fn another_after<T>(&mut self, outcome: &Result<T, AdminError>) -> bool {
        self.0 += 1;
        self.0 < MOST_ATTEMPTS && outcome.as_ref().is_err_and(AdminError::is_conflict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_a_script_of_one_transaction() {
        let plan = Plan::new("or\nders", vec!["SELECT 1".to_owned(), "SELECT 2".to_owned()]);
        assert_eq!(
            plan.to_string(),
            "-- in the database \"or\\nders\"\nBEGIN;\nSELECT 1;\nSELECT 2;\nCOMMIT;"
        );
    }
}
