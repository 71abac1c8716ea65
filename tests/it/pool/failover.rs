//! All pools, and a session that listens, side by side on a server that restarts, and on one whose replica
//! takes its place.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use postgres_entra::{
    AccessToken, Connector, Identity, Settings,
    blocking::{self, diesel},
    emulator::{LocalAzure, Login, Platform},
    pool::sqlx::EntraPgPool,
    settings::{Host, TargetSessionAttrs},
    source,
};
use tempfile::TempDir;
use tokio::join;

use super::{bb8::Bb8, deadpool::Deadpool, diesel_async::DieselPool, r2d2::R2d2};
use crate::support::{
    builder, chain,
    fake_server::Authority,
    frozen::Frozen,
    listener::Listener,
    pool_story::{TestPool, Traffic, answers_of_all},
    relay::Relay,
    shared_azure, trusted,
    unmodified_postgres::{Stop, UnmodifiedPostgres},
};

type BlockingPool = R2d2<blocking::ConnectionManager>;
type BlockingDieselPool = R2d2<diesel::ConnectionManager>;

const HOST: &str = "failover.postgres.database.azure.com";
const ROLE: &str = "aad_orders";
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJqdGkiOiJmYWlsb3ZlciJ9.c2lnbmF0dXJl";

/// Connections of each pool.
const SIZE: usize = 3;

/// For a checkout: longer than a server is away in these tests.
const LIMIT: Duration = Duration::from_secs(30);

/// A question that no server can answer that is a replica.
const WRITE: &str = "nextval('orders')";

/// The same, for an answer that adds nothing.
const ZERO_BY_WRITING: &str = "0 * nextval('orders')";

/// The server's process of the session that asks.
const PID: &str = "pg_backend_pid()";

/// A server with a role whose password is the token, and the authority of its certificate.
async fn server(azure: &LocalAzure, port: u16) -> (UnmodifiedPostgres, TempDir, PathBuf) {
    let authority = Authority::new();
    let server = UnmodifiedPostgres::start(azure, &authority, HOST, port).await;
    let set_up = format!(
        "CREATE ROLE {ROLE} LOGIN PASSWORD '{TOKEN}'; CREATE SEQUENCE orders;
         GRANT USAGE ON SEQUENCE orders TO {ROLE}"
    );
    server.superuser().await.batch_execute(&set_up).await.unwrap();
    let (folder, roots) = trusted(&authority);
    (server, folder, roots)
}

fn connector(addresses: &[SocketAddr], roots: &Path, wanted: TargetSessionAttrs) -> Connector {
    let host = |it: &SocketAddr| Host::new(HOST, it.port()).with_address(it.ip());
    let hosts = addresses.iter().map(host).collect();
    let settings = Settings::for_hosts(hosts, Identity::SystemAssigned)
        .with_user(ROLE)
        .with_database("postgres")
        .with_target_session_attrs(wanted)
        .with_ssl_root_cert(roots);
    let token = source::from_fn(|_scope| async {
        AccessToken::new(TOKEN, SystemTime::now() + Duration::from_secs(3600))
    });
    Connector::builder().settings(settings).token_source(token).deadline(LIMIT).build().unwrap()
}

/// An application with a pool, which it uses without a pause.
struct Application<P> {
    pool: P,
    traffic: Traffic,
}

impl<P: TestPool> Application<P> {
    async fn start(connector: &Connector, zero: &'static str) -> Self {
        let pool = P::open(connector, SIZE, LIMIT).await;
        answers_of_all(&pool, SIZE, "1").await;
        let traffic = Traffic::start(&pool, SIZE, zero);
        Self { pool, traffic }
    }

    /// Every connection of the pool answers this, at the first try.
    async fn works(&self, expression: &str) {
        answers_of_all(&self.pool, SIZE, expression).await;
    }

    /// A query failed where it was interrupted, and none had the answer of another.
    async fn ends(self, interruptions: usize) {
        self.traffic.stop().await.assert_smooth(interruptions * SIZE);
        self.pool.close().await;
    }
}

#[tokio::test]
async fn every_pool_works_again_by_itself_however_its_server_was_restarted() {
    let (server, _folder, roots) = server(shared_azure(), 5433).await;
    let connector = connector(&[server.address()], &roots, TargetSessionAttrs::Any);
    let (deadpool, bb8, diesel, sqlx, blocking, blocking_diesel) = join!(
        Application::<Deadpool>::start(&connector, "0"),
        Application::<Bb8>::start(&connector, "0"),
        Application::<DieselPool>::start(&connector, "0"),
        Application::<EntraPgPool>::start(&connector, "0"),
        Application::<BlockingPool>::start(&connector, "0"),
        Application::<BlockingDieselPool>::start(&connector, "0"),
    );
    let listener = Listener::start(&connector);
    listener.session().await;

    let restarts = [Stop::Fast, Stop::Immediate, Stop::Killed];
    for how in restarts {
        server.stop(how).await;
        server.start_again().await;
        join!(deadpool.works("1"), bb8.works("1"), diesel.works("1"), sqlx.works("1"));
        join!(blocking.works("1"), blocking_diesel.works("1"));
        listener.hears(&format!("{how:?}"), &server.superuser().await).await;
    }
    let interruptions = restarts.len();
    join!(deadpool.ends(interruptions), bb8.ends(interruptions), diesel.ends(interruptions));
    join!(blocking.ends(interruptions), blocking_diesel.ends(interruptions));
    // sqlx tries again where a connection is refused, and not where one breaks while it is made.
    let tally = sqlx.traffic.stop().await;
    for failure in tally.failed_checkouts() {
        assert!(failure.contains("error communicating with database"), "{failure}");
    }
    assert!(tally.failed_checkouts().len() <= interruptions * SIZE, "{tally:?}");
}

/// The name leads to the replica some time before that is a primary, as a name server's answers may.
#[tokio::test]
async fn every_pool_follows_a_promotion_and_none_that_asks_for_a_primary_is_given_a_replica() {
    let (old, _folder, roots) = server(shared_azure(), 5434).await;
    let new = old.replica(5435).await;
    let name = Relay::to(old.address()).await;
    let writing = connector(&[name.address()], &roots, TargetSessionAttrs::ReadWrite);
    let (deadpool, bb8, diesel) = join!(
        Application::<Deadpool>::start(&writing, ZERO_BY_WRITING),
        Application::<Bb8>::start(&writing, ZERO_BY_WRITING),
        Application::<DieselPool>::start(&writing, ZERO_BY_WRITING),
    );
    let listener = Listener::start(&writing);
    listener.session().await;
    // sqlx does not look at what a server is.
    let asks_nothing = connector(&[name.address()], &roots, TargetSessionAttrs::Any);
    let sqlx = <EntraPgPool as TestPool>::open(&asks_nothing, SIZE, LIMIT).await;
    answers_of_all(&sqlx, SIZE, WRITE).await;

    name.lead_to(new.address());
    old.stop(Stop::Fast).await;
    // A pool that does not ask has sessions of the replica now, and keeps them whatever a write comes to.
    let on_replica = answers_of_all(&sqlx, SIZE, PID).await;
    let mut connection = sqlx.checkout().await.unwrap();
    let error = EntraPgPool::value_of(&mut connection, WRITE).await.unwrap_err();
    assert!(error.contains("read-only transaction"), "{error}");
    drop(connection);
    assert_eq!(answers_of_all(&sqlx, SIZE, PID).await, on_replica);

    new.promote().await;
    join!(deadpool.works(WRITE), bb8.works(WRITE), diesel.works(WRITE));
    listener.hears("promoted", &new.superuser().await).await;
    // A promotion ends no session of the replica: they may write from now on.
    answers_of_all(&sqlx, SIZE, WRITE).await;
    assert_eq!(answers_of_all(&sqlx, SIZE, PID).await, on_replica);
    join!(deadpool.ends(1), bb8.ends(1), diesel.ends(1));

    // The old primary comes back as a replica, at the address that the settings name first.
    old.demote();
    old.start_again().await;
    let both = [old.address(), new.address()];
    for (wanted, server) in [(TargetSessionAttrs::Any, &old), (TargetSessionAttrs::ReadWrite, &new)]
    {
        let client = connector(&both, &roots, wanted).connect().await;
        let client = client.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let row = client.query_one("SELECT inet_server_port()", &[]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), i32::from(server.address().port()), "{wanted:?}");
    }
}

#[tokio::test]
async fn who_listens_and_asks_now_and_then_leaves_a_session_that_hangs() {
    let connector =
        builder(shared_azure(), Login::SystemAssigned(Platform::AppService)).build().unwrap();
    let listener = Listener::start(&connector);
    let first = listener.session().await;
    let speaker = connector.connect().await.unwrap();
    listener.hears("before", &speaker).await;
    let frozen = Frozen::new(&[first].into());
    listener.hears("meanwhile", &speaker).await;
    assert_ne!(listener.session().await, first);
    drop(frozen);
}
