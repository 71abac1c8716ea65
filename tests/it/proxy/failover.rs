//! A replica takes over from a server that is gone, with programs at work.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use postgres_entra::{
    AccessToken, Identity, Settings,
    settings::{Host, TargetSessionAttrs},
    source,
};

use super::*;
use crate::support::{
    eventually,
    fake_server::Authority,
    shared_azure, trusted,
    unmodified_postgres::{Stop, UnmodifiedPostgres},
};

const HOST: &str = "failover.postgres.database.azure.com";
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJqdGkiOiJmYWlsb3ZlciJ9.c2lnbmF0dXJl";

/// How many programs there are, and how many sessions each opens.
const PROGRAMS: u64 = 8;
const SESSIONS: u64 = 10;

#[tokio::test]
async fn programs_move_on_to_the_replica_that_is_promoted() {
    let authority = Authority::new();
    let primary = UnmodifiedPostgres::start(shared_azure(), &authority, HOST, 5451).await;
    let role = format!("CREATE ROLE aad_app LOGIN PASSWORD '{TOKEN}'");
    primary.superuser().await.batch_execute(&role).await.unwrap();
    let replica = primary.replica(5452).await;
    let (_folder, roots) = trusted(&authority);
    let host = |it: SocketAddr| Host::new(HOST, it.port()).with_address(it.ip());
    let hosts = vec![host(primary.address()), host(replica.address())];
    let settings = Settings::for_hosts(hosts, Identity::SystemAssigned)
        .with_user("aad_app")
        .with_database("postgres")
        .with_target_session_attrs(TargetSessionAttrs::ReadWrite)
        .with_ssl_root_cert(roots);
    let source = source::from_fn(|_scope| async {
        AccessToken::new(TOKEN, SystemTime::now() + Duration::from_secs(3600))
    });
    let connector = Connector::builder().settings(settings).token_source(source).build().unwrap();
    let scene = scene_with(&connector, |builder| builder).await;

    let programs: Vec<_> = (0..PROGRAMS).map(|_| tokio::spawn(program(scene.socket()))).collect();
    eventually("all are at work", async || scene.proxy.stats().opened >= 2 * PROGRAMS).await;
    primary.stop(Stop::Immediate).await;
    replica.promote().await;
    for program in programs {
        let (lost, last_port) = program.await.unwrap();
        assert!(lost <= 1, "one failover ends one session");
        assert_eq!(last_port, i32::from(replica.address().port()));
    }
    assert_eq!(scene.proxy.stats().failed, 0, "the proxy waits for the new primary");
}

/// Opens one session after the other and writes in each. Returns how many of them broke, and on which
/// server's port the last one was.
async fn program(config: Config) -> (u64, i32) {
    let (mut lost, mut last_port) = (0, None);
    for _ in 0..SESSIONS {
        let client = connect(&config).await.unwrap();
        let write = "SELECT pg_sleep(0.02), txid_current(), inet_server_port()";
        match client.query_one(write, &[]).await {
            Ok(row) => last_port = Some(row.get(2)),
            Err(_) => lost += 1,
        }
    }
    (lost, last_port.expect("a session that worked"))
}
