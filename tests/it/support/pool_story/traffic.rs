use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use super::TestPool;

/// What an application does with its pool: workers that check out, query and return.
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    workers: JoinSet<Tally>,
}

/// What the workers saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    queries: usize,
    broken_queries: usize,
    failed_checkouts: Vec<String>,
}

impl Traffic {
    pub(super) fn start<P: TestPool>(pool: &P, workers: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let workers = (0..workers).map(|_| work(pool.clone(), Arc::clone(&stop))).collect();
        Self { stop, workers }
    }

    pub(super) async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let tallies = self.workers.join_all().await;
        tallies.into_iter().fold(Tally::default(), Tally::and)
    }
}

async fn work<P: TestPool>(pool: P, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        match pool.checkout().await {
            Ok(mut connection) => match P::backend_pid(&mut connection).await {
                Ok(_) => tally.queries += 1,
                Err(_) => tally.broken_queries += 1,
            },
            Err(error) => tally.failed_checkouts.push(error),
        }
        // A pace, so that the workers don't take the whole machine.
        sleep(Duration::from_millis(10)).await;
    }
    tally
}

impl Tally {
    fn and(mut self, other: Self) -> Self {
        self.queries += other.queries;
        self.broken_queries += other.broken_queries;
        self.failed_checkouts.extend(other.failed_checkouts);
        self
    }

    /// No checkout failed; a query did at most where its session was killed under it.
    pub(super) fn assert_smooth(&self, killed: usize) {
        assert!(self.failed_checkouts.is_empty(), "{self:?}");
        assert!(self.broken_queries <= killed, "{self:?}");
        assert!(self.queries > 0, "{self:?}");
    }
}
