//! The whole of it: pools in the weather, observed from the first connect until nothing is left.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postgres_entra::{
    Connector, Environment,
    emulator::{ClientType, LocalAzure, Login, Platform},
};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use crate::{
    chance::Chance,
    figures::Figures,
    forecast::{self, Place},
    ledger::{Ledger, counts_of},
    network::Network,
    pools::{self, CHECKOUT_LIMIT, DEADLINE},
    r2d2::R2d2,
    server,
    sky::Sky,
    workers::{QUERY_LIMIT, Shift},
};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

/// How often the issued tokens are counted.
const POLL: Duration = Duration::from_millis(20);
/// How long all that a pool had may take to end: the tasks of bb8 and the threads of r2d2 look around every 30 s.
const CLEARING: Duration = Duration::from_secs(90);
/// From which time on memory has to be flat, and by which share it may grow from a third of the time on.
const LONG_ENOUGH: Duration = Duration::from_secs(600);
const GROWTH: f64 = 1.15;

/// Whether all went as it should.
pub async fn observe(azure: LocalAzure, network: Network, seed: u64, time: Duration) -> bool {
    let (azure, network, sky) = (Arc::new(azure), Arc::new(network), Arc::<Sky>::default());
    let place = Place { azure, network, sky };
    let before = Figures::now();
    println!("before             {before}");

    let ledger = Arc::new(Ledger::new());
    let counting = tokio::spawn(count_tokens(place.clone()));
    let watching = tokio::spawn(watch(ledger.clone(), time));
    live_through(&place, &ledger, seed, time).await;
    let memory = watching.await.expect("no panic");
    counting.abort();

    let is_left = !clears(&place, before).await;
    let (balance, faults) = ledger.balance(&place.sky);
    println!("\n{balance}\n{}", counts_of(&place.azure));
    let kinds = place.sky.kinds().into_iter().map(|(what, times)| format!("{times} x {what}"));
    println!("Weather: {}", kinds.collect::<Vec<_>>().join(", "));
    let grows = time >= LONG_ENOUGH && grows(&memory);
    if grows {
        println!("The memory grows: {memory:?} KiB");
    }
    faults == 0 && !is_left && !grows
}

/// Opens the pools and lets them work until the weather is over, and for a while in the sun.
async fn live_through(place: &Place, ledger: &Arc<Ledger>, seed: u64, time: Duration) {
    let connector = connector(place);
    let stop = Arc::<AtomicBool>::default();
    let mut shift =
        Shift { ledger: ledger.clone(), stop: stop.clone(), chance: Chance::new(seed, 3) };
    let sqlx = pools::sqlx(&connector).await;
    let mut workers = [
        shift.work_with(&pools::deadpool(&connector)),
        shift.work_with(&pools::bb8(&connector)),
        shift.work_with(&pools::diesel(&connector)),
        shift.work_with(&sqlx),
    ];
    let threads = R2d2::open(&connector).work(&mut shift);

    let until = Instant::now() + time;
    tokio::join!(
        forecast::over_the_identity_service(place.clone(), Chance::new(seed, 1), until),
        forecast::over_the_server(place.clone(), Chance::new(seed, 2), until),
    );
    sleep(Duration::from_secs(5)).await;
    stop.store(true, Ordering::Relaxed);
    for workers in &mut workers {
        let done = async { while workers.join_next().await.is_some() {} };
        timeout(CHECKOUT_LIMIT + QUERY_LIMIT, done).await.expect("workers that stop");
    }
    for thread in threads {
        tokio::task::spawn_blocking(|| thread.join()).await.expect("no panic").expect("no panic");
    }
    sqlx.close().await;
}

/// For all pools: they share its token cache.
fn connector(place: &Place) -> Connector {
    let mut vars = place.azure.vars(LOGIN, ClientType::Go);
    let port = vars.iter_mut().find(|(name, _)| name == "PGPORT").expect("a port of its own");
    port.1 = place.network.port().to_string();
    let builder = Connector::builder().environment(Environment::from_vars(vars));
    builder.deadline(DEADLINE).build().expect("a connector")
}

async fn count_tokens(place: Place) {
    let mut issued = 0;
    let mut poll = interval(POLL);
    loop {
        poll.tick().await;
        let now = place.azure.identity_service().tokens_issued();
        if now > issued {
            issued = now;
            place.sky.token_issued();
        }
    }
}

/// Says ten times how things stand, and returns the memory at these times.
async fn watch(ledger: Arc<Ledger>, time: Duration) -> Vec<u64> {
    let began = Instant::now();
    let mut memory = Vec::new();
    for tenth in 1..=10 {
        sleep_until(began + time * tenth / 10).await;
        let figures = Figures::now();
        let (checkouts, failed) = ledger.checkouts();
        let at = began.elapsed().as_secs();
        println!("after {at:5} s      {figures}, {checkouts} checkouts, {failed} failed");
        memory.push(figures.memory);
    }
    memory
}

/// Whether memory at the end is more than it was after a third of the time.
fn grows(memory: &[u64]) -> bool {
    let most = |memory: &[u64]| memory.iter().copied().max().unwrap_or_default() as f64;
    most(&memory[7..]) > most(&memory[2..5]) * GROWTH
}

/// Whether the process is as it was before the pools, and the server too.
async fn clears(place: &Place, before: Figures) -> bool {
    let is_clear = async || {
        let now = Figures::now();
        now.tasks <= before.tasks
            && now.threads <= before.threads
            && now.sockets <= before.sockets
            && place.network.connections() == 0
            && server::sessions(place.azure.server()).await == 0
    };
    let clearing = async {
        while !is_clear().await {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let is_clear = timeout(CLEARING, clearing).await.is_ok();
    let (figures, connections) = (Figures::now(), place.network.connections());
    let sessions = server::sessions(place.azure.server()).await;
    println!("after closing      {figures}, {sessions} sessions on the server");
    if !is_clear {
        println!("Something is left: {connections} connections, before it was {before}");
    }
    is_clear
}
