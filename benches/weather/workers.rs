//! What an application does with its pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};

use crate::{
    chance::Chance,
    ledger::Ledger,
    pools::{Pool, SIZE},
};

/// How long a worker waits for an answer.
pub const QUERY_LIMIT: Duration = Duration::from_secs(30);

/// The pause of a worker that got no connection.
pub const AFTER_FAILURE: Duration = Duration::from_millis(500);

const ENDS_SESSION: &str = "SELECT pg_terminate_backend(pg_backend_pid())";

/// Workers that go on until they are told to stop.
#[derive(Clone)]
pub struct Shift {
    pub ledger: Arc<Ledger>,
    pub stop: Arc<AtomicBool>,
    pub chance: Chance,
}

/// What a worker does next.
pub struct Errand {
    pub sql: &'static str,
    /// Whether the query ends its own session, so that there is a new one to connect.
    pub ends_session: bool,
    pub rest: Duration,
}

impl Shift {
    pub fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    pub fn next_errand(&mut self) -> Errand {
        let ends_session = self.chance.between(0, 20) == 0;
        let sql = if ends_session { ENDS_SESSION } else { "SELECT 1" };
        Errand { sql, ends_session, rest: Duration::from_millis(self.chance.between(5, 200)) }
    }

    /// As many workers as the pool has connections.
    pub fn work_with<P: Pool>(&mut self, pool: &P) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for number in 0..SIZE as u32 {
            let chance = Chance::new(self.chance.number(), number);
            workers.spawn(work(pool.clone(), Self { chance, ..self.clone() }));
        }
        workers
    }
}

async fn work<P: Pool>(pool: P, mut shift: Shift) {
    while shift.goes_on() {
        let began = Instant::now();
        let errand = shift.next_errand();
        match shift.ledger.checkout(P::NAME, began, pool.take().await) {
            None => tokio::time::sleep(AFTER_FAILURE).await,
            Some(mut connection) => {
                let answer = timeout(QUERY_LIMIT, P::query(&mut connection, errand.sql)).await;
                let answer = answer.unwrap_or_else(|_| Err("no answer".to_owned()));
                shift.ledger.query(P::NAME, began, &errand, answer);
                drop(connection);
                tokio::time::sleep(errand.rest).await;
            }
        }
    }
}
