//! A server that vanishes without a word: what it sends to the sessions that there are is dropped from a point in
//! time on, and new ones work, as behind a load balancer that has forgotten them.
//!
//! By hand, as root and in a network of its own, whose rules it changes; it takes some three minutes:
//!
//! ```sh
//! unshare -n cargo test --all-features --test it vanishes -- --ignored --nocapture
//! ```

use std::{
    fs,
    future::poll_fn,
    process::Command,
    time::{Duration, Instant},
};

use postgres_entra::{
    Connector,
    blocking::{self, diesel},
    emulator::{Login, Platform},
    pool::sqlx::EntraPgPool,
};
use tokio::{join, time::timeout};

use super::{bb8::Bb8, deadpool::Deadpool, diesel_async::DieselPool, r2d2::R2d2};
use crate::support::{builder, listener::Listener, pool_story::TestPool, shared_azure};

/// Connections of each pool. One of them is in use when the server vanishes.
const SIZE: usize = 4;

/// For a checkout.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a query under way, and a session that only listens, are watched.
const WATCHED: Duration = Duration::from_secs(180);

/// The ports of clients, before the server vanishes and after.
const BEFORE: [u16; 2] = [40_000, 44_999];
const AFTER: [u16; 2] = [50_000, 54_999];

fn client_ports([from, to]: [u16; 2]) {
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{from} {to}")).unwrap();
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// A pool that is full, and one connection in use.
struct User<P: TestPool> {
    name: &'static str,
    pool: P,
    in_use: P::Connection,
}

impl<P: TestPool> User<P> {
    async fn new(name: &'static str, connector: &Connector) -> Self {
        let pool = P::open(connector, SIZE, LIMIT).await;
        let mut connections = Vec::new();
        for _ in 0..SIZE {
            connections.push(pool.checkout().await.unwrap());
        }
        let in_use = connections.swap_remove(0);
        Self { name, pool, in_use }
    }

    /// A query on the connection in use; and checkouts of all others at once, until all of them work.
    async fn heals(self) {
        let Self { name, pool, mut in_use } = self;
        let begun = Instant::now();
        let query = tokio::spawn(async move {
            let answer = timeout(WATCHED, P::value_of(&mut in_use, "1")).await;
            // Its owner blocks when it is dropped, as long as the query goes on.
            std::mem::forget(in_use);
            (begun.elapsed(), answer)
        });
        let mut errors = Vec::new();
        loop {
            let checkouts = (1..SIZE).map(|_| async {
                let mut connection = pool.checkout().await?;
                P::value_of(&mut connection, "1").await
            });
            let failed = futures_util::future::join_all(checkouts).await.into_iter();
            let failed: Vec<_> = failed.filter_map(Result::err).collect();
            if failed.is_empty() {
                break;
            }
            errors.extend(failed);
        }
        println!(
            "{name}: all checkouts work after {:.1?}, {} errors",
            begun.elapsed(),
            errors.len()
        );
        for error in errors {
            println!("{name}:     {error}");
        }
        let (took, answer) = query.await.unwrap();
        println!("{name}: a query under way: {answer:?} after {took:.1?}");
    }
}

#[tokio::test]
#[ignore = "needs root and a network of its own"]
async fn every_pool_heals_from_a_server_that_vanishes() {
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap();
    assert_eq!(interfaces.lines().count(), 3, "run it in a network of its own: unshare -n");
    ip("link set lo up");
    client_ports(BEFORE);
    tracing_subscriber::fmt().with_writer(std::io::stdout).init();
    let azure = shared_azure();
    let connector = builder(azure, Login::SystemAssigned(Platform::AppService)).build().unwrap();
    let (deadpool, bb8, diesel, sqlx, blocking, blocking_diesel) = join!(
        User::<Deadpool>::new("deadpool", &connector),
        User::<Bb8>::new("bb8", &connector),
        User::<DieselPool>::new("diesel-async", &connector),
        User::<EntraPgPool>::new("sqlx", &connector),
        User::<R2d2<blocking::ConnectionManager>>::new("r2d2, postgres", &connector),
        User::<R2d2<diesel::ConnectionManager>>::new("r2d2, diesel", &connector),
    );
    let asking = Listener::start(&connector);
    asking.session().await;
    let (client, mut silent) = connector.connect_parts().await.unwrap();

    // The rule comes before that for this machine's own addresses, which has to go behind it.
    ip("rule add pref 1 lookup local");
    ip("rule del pref 0");
    let [from, to] = BEFORE;
    let port = azure.server().port();
    ip(&format!("rule add pref 0 ipproto tcp sport {port} dport {from}-{to} blackhole"));
    client_ports(AFTER);

    let begun = Instant::now();
    let speaker = connector.connect().await.unwrap();
    join!(
        deadpool.heals(),
        bb8.heals(),
        diesel.heals(),
        sqlx.heals(),
        blocking.heals(),
        blocking_diesel.heals(),
        async {
            asking.hears("again", &speaker).await;
            println!("LISTEN, asking: hears again after {:.1?}", begun.elapsed());
        },
        async {
            let ended = timeout(WATCHED, poll_fn(|cx| silent.poll_message(cx))).await;
            println!("LISTEN, silent: {ended:?} after {:.1?}", begun.elapsed());
        },
    );
    drop(client);
}
