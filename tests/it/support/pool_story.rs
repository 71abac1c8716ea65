//! What every pool has to show across the lives of its tokens, told once for all of them.
//!
//! A pool's test file implements [`TestPool`] and calls the stories that its pool can tell.

mod scene;
mod traffic;

use std::{collections::BTreeSet, future::Future, time::Duration};

use postgres_entra::{
    Connector,
    emulator::{IdentityFault, LocalAzure},
};
use tokio::{task::JoinSet, time::sleep};

use self::scene::{Scene, one_of, sessions_ended};
pub use self::traffic::Traffic;
use super::{eventually, frozen::Frozen};

/// What the stories need of a pool.
pub trait TestPool: Clone + Send + Sync + 'static {
    /// A connection that is checked out. Dropping it returns it.
    type Connection: Send;

    /// A pool of at most `size` connections that tests each before it hands it out, and whose
    /// checkouts take `limit` at most.
    fn open(
        connector: &Connector,
        size: usize,
        limit: Duration,
    ) -> impl Future<Output = Self> + Send;

    /// A connection, or all that the pool lets its user know of why there is none.
    fn checkout(&self) -> impl Future<Output = Result<Self::Connection, String>> + Send;

    /// Asks the server for the value of an expression that is a number.
    fn value_of(
        connection: &mut Self::Connection,
        expression: &str,
    ) -> impl Future<Output = Result<i64, String>> + Send;

    /// Closes the pool as its users do.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Connections in the pool of a story.
const SIZE: usize = 4;

/// The server's process of the session that asks.
const PID: &str = "pg_backend_pid()";

/// Checks out all connections of a pool at once, and asks each of them the same.
pub async fn answers_of_all<P: TestPool>(pool: &P, size: usize, expression: &str) -> BTreeSet<i64> {
    let mut checkouts = JoinSet::new();
    for _ in 0..size {
        let pool = pool.clone();
        checkouts.spawn(async move { pool.checkout().await.expect("a checkout") });
    }
    let mut connections = checkouts.join_all().await;
    let mut answers = BTreeSet::new();
    for connection in &mut connections {
        answers.insert(P::value_of(connection, expression).await.expect("an answer"));
    }
    answers
}

/// The pool works on after its first token expired, and replaces killed connections with a new one.
pub async fn outlives_its_first_token<P: TestPool>() {
    let scene = Scene::<P>::open(azure_with_tokens_of(3).await, SIZE).await;
    let first = scene.sessions().await;
    let first_token_left = scene.token_left();
    let traffic = Traffic::start(&scene.pool, SIZE, "0");

    sleep(first_token_left).await;
    assert_eq!(scene.sessions().await, first, "open sessions survive their token");

    scene.kill(&first).await;
    let second = scene.sessions().await;
    assert!(second.is_disjoint(&first));
    traffic.stop().await.assert_smooth(SIZE);
    assert_eq!(scene.azure.server().logins_rejected(), 0);
    assert!(scene.azure.identity_service().tokens_issued() >= 2);
    scene.close().await;
}

/// The same while the identity service is down: from the renewal of the first token, over its expiry,
/// to when the second one is due for renewal in vain.
pub async fn refills_while_the_identity_service_is_down<P: TestPool>() {
    let scene = Scene::<P>::open(azure_with_tokens_of(3).await, SIZE).await;
    let identity_service = scene.azure.identity_service();
    let first = scene.sessions().await;
    identity_service.set_token_lifetime(Duration::from_secs(8));
    let first_token_left = scene.token_left();
    let traffic = Traffic::start(&scene.pool, SIZE, "0");

    sleep(first_token_left / 2).await;
    scene.kill(&first).await;
    let second = scene.sessions().await;
    eventually("the token is renewed", async || scene.token_left() > first_token_left).await;

    identity_service.set_fault(Some(IdentityFault::Outage));
    sleep((scene.token_left() / 2).max(first_token_left / 2)).await;
    scene.kill(&second).await;
    assert!(scene.sessions().await.is_disjoint(&second));

    traffic.stop().await.assert_smooth(2 * SIZE);
    assert_eq!(scene.azure.server().logins_rejected(), 0);
    assert_eq!(identity_service.tokens_issued(), 2);
    eventually("the service is asked", async || scene.tokens().stats().fetches > 2).await;
    scene.close().await;
}

/// A token that the server rejects is replaced once, not once for each connection.
pub async fn forces_one_fetch_for_a_rejected_token<P: TestPool>() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = Scene::<P>::open(azure, 16).await;
    scene.tokens().warm_up().await.unwrap();
    scene.azure.server().reject_tokens_issued_before_now();

    assert_eq!(scene.sessions().await.len(), 16);
    let stats = scene.tokens().stats();
    assert_eq!((stats.fetches, stats.forced), (2, 1));
    assert_eq!(scene.azure.identity_service().request_count(), 2);
    assert!(scene.azure.server().logins_rejected() >= 1);
    scene.close().await;
}

/// The user learns which role was refused, and the refusals don't become a storm of token requests.
pub async fn names_a_wrong_role<P: TestPool>() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = Scene::<P>::open_as(azure, "aad_wrong", SIZE, Duration::from_secs(3)).await;
    let mut checkouts = JoinSet::new();
    for _ in 0..SIZE {
        let pool = scene.pool.clone();
        checkouts.spawn(async move { pool.checkout().await.err() });
    }
    for error in checkouts.join_all().await {
        let error = error.expect("an error");
        assert!(error.contains("\"aad_wrong\""), "{error}");
    }
    assert!(scene.azure.identity_service().request_count() <= 2);
    scene.close().await;
}

/// Once a closed pool has its last connection back, no session and no task is left of it.
pub async fn leaves_nothing_when_closed<P: TestPool>() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let azure = LocalAzure::start().await.unwrap();
    let before = alive();
    let scene = Scene::<P>::open(azure, SIZE).await;
    scene.sessions().await;
    let held = scene.pool.checkout().await.unwrap();
    let (azure, pool) = (scene.azure, scene.pool);
    drop(scene.connector);

    let closing = tokio::spawn(pool.close());
    tokio::task::yield_now().await;
    drop(held);
    closing.await.unwrap();
    sessions_ended(&azure, "true").await;
    eventually("no task is left", async || alive() <= before).await;
}

/// A server that takes its connections' requests and answers none of them has every checkout wait for
/// one limit, and then for a new connection.
pub async fn leaves_sessions_that_hang<P: TestPool>() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = Scene::<P>::open_with_deadline(azure, SIZE, Duration::from_secs(2)).await;
    let first = scene.sessions().await;
    let frozen = Frozen::new(&first);
    let second = scene.sessions().await;
    assert!(second.is_disjoint(&first), "{second:?}");
    assert_eq!(scene.sessions().await, second);
    drop(frozen);
    sessions_ended(&scene.azure, &one_of(&first)).await;
    scene.close().await;
}

/// Two hundred checkouts at once on a cold pool wait for one and the same token.
pub async fn fetches_one_token_for_two_hundred_checkouts<P: TestPool>() {
    let azure = LocalAzure::start().await.unwrap();
    let scene = Scene::<P>::open(azure, 32).await;
    let slow = IdentityFault::Delay(Duration::from_millis(200));
    scene.azure.identity_service().set_fault(Some(slow));

    let mut checkouts = JoinSet::new();
    for _ in 0..200 {
        let pool = scene.pool.clone();
        checkouts.spawn(async move { P::value_of(&mut pool.checkout().await?, PID).await });
    }
    for pid in checkouts.join_all().await {
        pid.unwrap();
    }
    assert_eq!(scene.azure.identity_service().request_count(), 1);
    assert!(scene.azure.server().logins_accepted() <= 32);
    scene.close().await;
}

async fn azure_with_tokens_of(seconds: u64) -> LocalAzure {
    LocalAzure::builder().token_lifetime(Duration::from_secs(seconds)).start().await.unwrap()
}
