use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use super::TestPool;

/// What an application does with its pool: workers that check out, query and return.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    workers: JoinSet<Tally>,
}

/// What the workers saw.
#[derive(Debug, Default)]
pub struct Tally {
    queries: usize,
    broken_queries: Vec<String>,
    failed_checkouts: Vec<String>,
}

/// For numbers that no two questions share: an answer to another one is noticed.
static QUESTIONS: AtomicI64 = AtomicI64::new(0);

impl Traffic {
    /// The value of `zero` is nothing; what it takes to get at it may be something.
    pub fn start<P: TestPool>(pool: &P, workers: usize, zero: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let workers = (0..workers).map(|_| work(pool.clone(), zero, Arc::clone(&stop))).collect();
        Self { stop, workers }
    }

    pub async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let tallies = self.workers.join_all().await;
        tallies.into_iter().fold(Tally::default(), Tally::and)
    }
}

async fn work<P: TestPool>(pool: P, zero: &'static str, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        match pool.checkout().await {
            Ok(mut connection) => {
                let number = QUESTIONS.fetch_add(1, Ordering::Relaxed);
                match P::value_of(&mut connection, &format!("{number} + {zero}")).await {
                    Ok(answer) => {
                        assert_eq!(answer, number, "the answer to another question");
                        tally.queries += 1;
                    }
                    Err(error) => tally.broken_queries.push(error),
                }
            }
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
        self.broken_queries.extend(other.broken_queries);
        self.failed_checkouts.extend(other.failed_checkouts);
        self
    }

    /// No checkout failed; a query did at most where its session was killed under it.
    pub fn assert_smooth(&self, killed: usize) {
        assert!(self.failed_checkouts.is_empty(), "{self:?}");
        assert!(self.broken_queries.len() <= killed, "{self:?}");
        assert!(self.queries > 0, "{self:?}");
    }

    /// Why checkouts failed.
    pub fn failed_checkouts(&self) -> &[String] {
        &self.failed_checkouts
    }
}
