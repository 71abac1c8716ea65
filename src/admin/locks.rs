//! Who held a lock for longer than an operation waits.

use tokio_postgres::{Client, error::SqlState};

use super::{
    AdminError,
    error::how_to_unlock,
    plan::{TAKE_TURN, TURN, begin_reading},
};

/// Names whoever holds the lock that an operation has given up to wait for; leaves other outcomes as they
/// are. Any role that can log in can hold the lock by which administrations take turns.
pub(super) async fn name_holders<T>(
    client: &mut Client,
    outcome: Result<T, AdminError>,
) -> Result<T, AdminError> {
    match outcome {
        Err(AdminError::Sql { step, cause })
            if cause.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) =>
        {
            let holders = holders(client, step == TAKE_TURN).await?;
            let advice = how_to_unlock(&holders);
            Err(AdminError::Locked { step, holders, advice, cause })
        }
        outcome => outcome,
    }
}

/// The sessions that hold the turn in this database, or else those that have changed something and not
/// committed: a change of rights waits for whoever has changed those on the same object.
async fn holders(client: &mut Client, of_turn: bool) -> Result<Vec<String>, AdminError> {
    const SQL: &str = "\
        SELECT DISTINCT concat( \
            CASE WHEN l.pid IS NULL THEN 'a prepared transaction' \
                ELSE format('the role %I (process %s)', usename, l.pid) END, \
            CASE WHEN application_name <> '' THEN format(' in the application %L', application_name) END) \
        FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
        WHERE granted AND l.pid IS DISTINCT FROM pg_backend_pid() AND CASE WHEN $1 \
            THEN locktype = 'advisory' AND classid = $2 AND objid = $3 AND objsubid = 1 \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
            ELSE locktype = 'transactionid' AND mode = 'ExclusiveLock' END \
        ORDER BY 1";
    // As `pg_locks` shows a number of 64 bits.
    let (high, low) = ((TURN >> 32) as u32, TURN as u32);
    let transaction = begin_reading(client).await?;
    let rows = transaction.query(SQL, &[&of_turn, &high, &low]).await;
    let rows = rows.map_err(AdminError::sql("say who holds a lock"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
