use std::fmt;

use tokio_postgres::{Client, Transaction};

use super::AdminError;

/// Concurrent `GRANT`s on one object fail with "tuple concurrently updated", so those of this crate
/// take turns. The number is arbitrary and must not change.
const TURN: i64 = 0x706f_7374_656e_7472;
/// Long against any of the statements; a lock that is held longer than this needs a person.
const LOCK_LIMIT: &str = "SET LOCAL lock_timeout = '30s'";

/// The statements that an operation runs, in one transaction, in one database.
///
/// What `Display` shows is what is executed: a script for psql, with the transaction around it.
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
    let failed = || AdminError::sql("begin a transaction");
    let transaction = client.transaction().await.map_err(failed())?;
    transaction.batch_execute(LOCK_LIMIT).await.map_err(failed())?;
    let take_turn = "SELECT pg_catalog.pg_advisory_xact_lock($1)";
    transaction.execute(take_turn, &[&TURN]).await.map_err(failed())?;
    Ok(transaction)
}

pub(super) async fn commit(transaction: Transaction<'_>) -> Result<(), AdminError> {
    transaction.commit().await.map_err(AdminError::sql("commit"))
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
