//! What the workers saw, and what of it need not have been.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use postgres_entra::emulator::LocalAzure;

use crate::{pools::Pool, sky::Sky, workers::Errand};

/// How many faults are shown.
const SHOWN: usize = 20;

#[derive(Default)]
struct Page {
    checkouts: usize,
    queries: usize,
    slowest: Duration,
    failed: Vec<Failure>,
    broken: Vec<Failure>,
}

struct Failure {
    began: Instant,
    ended: Instant,
    error: String,
}

impl Failure {
    fn now(began: Instant, error: String) -> Self {
        Self { began, ended: Instant::now(), error }
    }
}

pub struct Ledger {
    opened: Instant,
    pages: Mutex<BTreeMap<&'static str, Page>>,
}

impl Ledger {
    pub fn new() -> Self {
        Self { opened: Instant::now(), pages: Mutex::default() }
    }

    pub fn checkout<C>(
        &self,
        pool: &'static str,
        began: Instant,
        taken: Result<C, String>,
    ) -> Option<C> {
        let mut pages = self.pages();
        let page = pages.entry(pool).or_default();
        page.checkouts += 1;
        page.slowest = page.slowest.max(began.elapsed());
        taken.map_err(|error| page.failed.push(Failure::now(began, error))).ok()
    }

    /// A query that ended its own session is not expected to have an answer.
    pub fn query(
        &self,
        pool: &'static str,
        began: Instant,
        errand: &Errand,
        answer: Result<(), String>,
    ) {
        let mut pages = self.pages();
        let page = pages.entry(pool).or_default();
        page.queries += 1;
        if let (Err(error), false) = (answer, errand.ends_session) {
            page.broken.push(Failure::now(began, error));
        }
    }

    /// Checkouts so far, and how many of them failed.
    pub fn checkouts(&self) -> (usize, usize) {
        let pages = self.pages();
        let all = pages.values().map(|page| page.checkouts).sum();
        (all, pages.values().map(|page| page.failed.len()).sum())
    }

    /// The balance, and how many faults it shows.
    pub fn balance(&self, sky: &Sky) -> (String, usize) {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<14}{:>10}{:>8}{:>12}{:>8}{:>10}{:>8}{:>12}{:>8}{:>10}",
            "",
            "checkouts",
            "failed",
            "unavoidable",
            "faults",
            "slowest",
            "queries",
            "broken",
            "faults",
            "",
        );
        let (mut reasons, mut faults) = (BTreeMap::<_, usize>::new(), Vec::new());
        for (&pool, page) in &*self.pages() {
            let mut avoidable = (0, 0);
            for failure in &page.failed {
                let excuse = match pool {
                    <postgres_entra::pool::sqlx::EntraPgPool as Pool>::NAME => {
                        sky.any_trouble(failure.began, failure.ended)
                    }
                    _ => sky.excuse(failure.began),
                };
                match excuse {
                    Some(reason) => *reasons.entry((pool, "checkout", reason)).or_default() += 1,
                    None => {
                        avoidable.0 += 1;
                        faults.push(self.describe(pool, "checkout", failure, sky));
                    }
                }
            }
            for failure in &page.broken {
                match sky.trouble_of_a_session(failure.began, failure.ended) {
                    Some(reason) => *reasons.entry((pool, "query", reason)).or_default() += 1,
                    None => {
                        avoidable.1 += 1;
                        faults.push(self.describe(pool, "query", failure, sky));
                    }
                }
            }
            let _ = writeln!(
                text,
                "{pool:<14}{:>10}{:>8}{:>12}{:>8}{:>8.1} s{:>8}{:>12}{:>8}",
                page.checkouts,
                page.failed.len(),
                page.failed.len() - avoidable.0,
                avoidable.0,
                page.slowest.as_secs_f32(),
                page.queries,
                page.broken.len(),
                avoidable.1,
            );
        }
        text.push_str("\nUnavoidable, and why:\n");
        for ((pool, what, reason), count) in reasons {
            let _ = writeln!(text, "{count:>6} {what:<9} {pool:<13} {reason}");
        }
        if !faults.is_empty() {
            let _ = writeln!(text, "\n{} faults, of which the first:", faults.len());
            for fault in faults.iter().take(SHOWN) {
                let _ = writeln!(text, "  {fault}");
            }
        }
        (text, faults.len())
    }

    fn describe(&self, pool: &str, what: &str, failure: &Failure, sky: &Sky) -> String {
        use crate::sky::Struck::{Server, Sessions, Tokens};
        let Failure { began, ended, error } = failure;
        let at = (*began - self.opened).as_secs_f32();
        let took = (*ended - *began).as_secs_f32();
        let trouble = sky.what_was_between(*began, *ended, &[Server, Sessions, Tokens]);
        format!("{pool}, {what} at {at:.1} s for {took:.1} s [{trouble}]: {error}")
    }

    fn pages(&self) -> MutexGuard<'_, BTreeMap<&'static str, Page>> {
        self.pages.lock().expect("no panic")
    }
}

/// What the local Azure counted.
pub fn counts_of(azure: &LocalAzure) -> String {
    let (server, service) = (azure.server(), azure.identity_service());
    format!(
        "{} TCP connections, {} logins accepted, {} rejected; {} token requests, {} tokens",
        server.connections(),
        server.logins_accepted(),
        server.logins_rejected(),
        service.request_count(),
        service.tokens_issued(),
    )
}
