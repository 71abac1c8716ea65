//! Several servers, and several addresses of one: which are asked, and what a failure says.
use std::{
    fs,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::support::{
    chain, eventually,
    fake_server::{
        Authority, FakeServer,
        hostile::{Misdeed, Step, message},
    },
    refusing, shared_azure, skip,
    swallowing::Swallowing,
};
use postgres_entra::{
    Connector, ConnectorBuilder, Environment, Error, TlsErrorKind,
    emulator::{ClientType, LocalAzure, Login, Platform, ServerFault},
};
use tokio::{net::TcpListener, time::timeout};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

/// A refusal that no other token would mend.
const NOT_HERE: &[u8] = b"SFATAL\0C28000\0Mnot here\0\0";

/// A local Azure, and an authority for fake servers that stand beside its own.
struct Rig<'a> {
    azure: &'a LocalAzure,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl<'a> Rig<'a> {
    fn new(azure: &'a LocalAzure) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let roots = fs::read_to_string(azure.ca_certificate()).unwrap() + &authority.pem();
        fs::write(folder.path().join("roots.pem"), roots).unwrap();
        Self { azure, authority, folder }
    }

    /// The servers with these ports, all by the name of the local Azure's.
    fn connector(&self, ports: &[u16], more: &str) -> ConnectorBuilder {
        let names = vec![self.azure.server().host(); ports.len()].join(",");
        let addresses = vec!["127.0.0.1"; ports.len()].join(",");
        self.connector_to(&names, &addresses, ports, more)
    }

    fn connector_to(
        &self,
        names: &str,
        addresses: &str,
        ports: &[u16],
        more: &str,
    ) -> ConnectorBuilder {
        let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let (role, roots) = (self.azure.server().role(LOGIN), self.folder.path().join("roots.pem"));
        let connection = format!(
            "host={names} hostaddr='{addresses}' port={ports} user={role} dbname=orders \
             sslrootcert={} {more}",
            roots.display()
        );
        let mut vars = self.azure.vars(LOGIN, ClientType::Python);
        vars.retain(|(name, _)| name.starts_with("IDENTITY_"));
        vars.push(("AZURE_POSTGRESQL_CONNECTIONSTRING".to_owned(), connection));
        Connector::builder().environment(Environment::from_vars(vars))
    }

    /// A server that sees the token and refuses it like this.
    async fn refusing_server(&self, refusal: &[u8]) -> FakeServer {
        let acceptor = self.authority.acceptor(self.azure.server().host(), |_| ());
        let refusal = Misdeed::Send(message(b'E', refusal));
        FakeServer::hostile(acceptor, Step::PasswordReceived, refusal).await.0
    }

    /// A server that admits everyone and goes on like this.
    async fn admitting_server(&self, script: Misdeed) -> FakeServer {
        let acceptor = self.authority.acceptor(self.azure.server().host(), |_| ());
        FakeServer::hostile(acceptor, Step::Authenticated, script).await.0
    }

    /// A server that admits everyone, and says that transactions are read-only.
    async fn read_only_server(&self) -> FakeServer {
        let acceptor = self.authority.acceptor(self.azure.server().host(), |_| ());
        let column =
            b"\0\x01transaction_read_only\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
        let answer = [
            message(b'T', column),
            message(b'D', b"\0\x01\0\0\0\x02on"),
            message(b'C', b"SHOW\0"),
            ready(),
        ];
        let script = Misdeed::Answer(ready(), answer.concat());
        FakeServer::hostile(acceptor, Step::Authenticated, script).await.0
    }
}

/// What a server does that admits everyone and says by itself whether it is in recovery.
fn reports_recovery(state: &str) -> Misdeed {
    let report = message(b'S', format!("in_hot_standby\0{state}\0").as_bytes());
    Misdeed::Send([report, ready()].concat())
}

/// The same where it has to be asked, as before PostgreSQL 14.
fn answers_recovery(state: &str) -> Misdeed {
    let column = b"\0\x01pg_is_in_recovery\0\0\0\0\0\0\0\0\0\0\x10\0\x01\xff\xff\xff\xff\0\0";
    let row = [b"\0\x01\0\0\0\x01", state.as_bytes()].concat();
    let answer =
        [message(b'T', column), message(b'D', &row), message(b'C', b"SELECT 1\0"), ready()];
    Misdeed::Answer(ready(), answer.concat())
}

/// The message that ends a login.
fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

async fn connect(connector: ConnectorBuilder) {
    let connector = connector.build().unwrap();
    let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    client.query_one("SELECT 1", &[]).await.unwrap();
}

/// Why it failed, also where that was tried again until the deadline.
async fn failure(connector: ConnectorBuilder) -> Error {
    match connector.build().unwrap().connect().await.unwrap_err() {
        Error::Timeout { last: Some(last), .. } => *last,
        error => error,
    }
}

/// The port that the error names as out of reach.
fn unreachable_port(error: &Error) -> u16 {
    let Error::Connect(error) = error else { panic!("{}", chain(error)) };
    error.port()
}

#[tokio::test]
async fn a_dead_server_is_passed_over() {
    let rig = Rig::new(shared_azure());
    let (_socket, dead) = refusing();
    connect(rig.connector(&[dead.port(), rig.azure.server().port()], "")).await;
}

#[tokio::test]
async fn a_silent_server_leaves_the_next_one_its_share_of_the_time() {
    let rig = Rig::new(shared_azure());
    let silent = FakeServer::silent().await;
    let ports = [silent.port(), rig.azure.server().port()];
    connect(rig.connector(&ports, "").deadline(Duration::from_secs(4))).await;
    assert_eq!(silent.connections(), 1);
}

/// Whatever was lost, a new connection finds the server well long before the deadline.
#[tokio::test]
async fn the_only_server_is_tried_again_when_a_connection_to_it_hangs() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = Connector::from_vars(azure.vars(LOGIN, ClientType::Python)).unwrap();
    connector.token_cache().unwrap().warm_up().await.unwrap();
    let connector = Connector::builder()
        .settings(connector.settings().clone())
        .token_cache(connector.token_cache().unwrap().clone())
        .deadline(Duration::from_secs(12))
        .build()
        .unwrap();
    azure.server().set_fault(Some(ServerFault::Silent));
    let connecting = tokio::spawn(async move { connector.connect().await });
    eventually("the server is asked", async || azure.server().connections() == 1).await;
    azure.server().set_fault(None);
    connecting.await.unwrap().unwrap();
    assert_eq!(azure.server().connections(), 2);
}

/// A firewall drops what is sent to some address: nothing answers, not even with a refusal.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_swallows_everything_costs_two_seconds_once() {
    let rig = Rig::new(shared_azure());
    let dead = Swallowing::start().await;
    let ports = [dead.port(), rig.azure.server().port()];
    let connector = rig.connector(&ports, "").deadline(Duration::from_secs(20)).build().unwrap();
    connector.token_cache().unwrap().warm_up().await.unwrap();

    let took = async || {
        let start = Instant::now();
        connector.connect().await.unwrap();
        start.elapsed()
    };
    let first = took().await;
    assert!(first >= Duration::from_secs(2) && first < Duration::from_secs(7), "{first:?}");
    for _ in 0..3 {
        let later = took().await;
        assert!(later < Duration::from_secs(2), "{later:?}");
    }
}

#[tokio::test]
async fn connect_timeout_is_the_limit_for_each_server() {
    let rig = Rig::new(shared_azure());
    let (one, two) = (FakeServer::silent().await, FakeServer::silent().await);
    let ports = [one.port(), two.port(), rig.azure.server().port()];
    let connector = rig.connector(&ports, "connect_timeout=4").deadline(Duration::from_secs(600));
    // Without the limit, the first server alone could take 200 s.
    timeout(Duration::from_secs(60), connect(connector)).await.expect("the limit is kept");
    assert_eq!((one.connections(), two.connections()), (1, 1));
}

#[tokio::test]
async fn a_refused_token_is_shown_to_no_other_server() {
    let rig = Rig::new(shared_azure());
    let refusal = b"SFATAL\0C28P01\0Mpassword authentication failed for user \"app\"\0\0";
    let first = rig.refusing_server(refusal).await;
    let second = FakeServer::silent().await;
    let connector = rig.connector(&[first.port(), second.port()], "");
    // Each server has half of the time: more than a busy machine takes.
    let connector = connector.deadline(Duration::from_secs(600)).build().unwrap();
    // The second connect has its token from the cache, and a newer one is tried after it.
    for logins in [1, 3] {
        let error = connector.connect().await.unwrap_err();
        assert!(error.is_rejected(), "{}", chain(&error));
        assert_eq!(first.connections(), logins);
    }
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn a_refusal_counts_more_than_a_dead_server_before_it() {
    let rig = Rig::new(shared_azure());
    let (_socket, dead) = refusing();
    let second = rig.refusing_server(NOT_HERE).await;
    let error = failure(rig.connector(&[dead.port(), second.port()], "")).await;
    assert!(error.is_rejected(), "{}", chain(&error));
    assert_eq!(second.connections(), 1);
}

#[tokio::test]
async fn of_two_failures_the_one_that_may_pass_is_reported() {
    let rig = Rig::new(shared_azure());
    let (_socket, dead) = refusing();
    let without_tls = FakeServer::without_tls().await;
    for ports in [[dead.port(), without_tls.port()], [without_tls.port(), dead.port()]] {
        let connector = rig.connector(&ports, "").deadline(Duration::from_secs(2));
        let error = failure(connector).await;
        assert_eq!(unreachable_port(&error), dead.port(), "{}", chain(&error));
        assert!(error.is_transient());
    }
    assert!(without_tls.connections() > 2, "each server is asked on each pass");
}

#[tokio::test]
async fn of_two_failures_that_may_pass_the_first_is_reported() {
    let rig = Rig::new(shared_azure());
    let ((_socket, dead), (_other_socket, other)) = (refusing(), refusing());
    let connector = rig.connector(&[dead.port(), other.port()], "");
    let error = failure(connector.deadline(Duration::from_secs(1))).await;
    assert_eq!(unreachable_port(&error), dead.port(), "{}", chain(&error));
}

#[tokio::test]
async fn servers_that_all_fail_for_good_are_asked_once() {
    let rig = Rig::new(shared_azure());
    let (one, two) = (FakeServer::without_tls().await, FakeServer::without_tls().await);
    let error = failure(rig.connector(&[one.port(), two.port()], "")).await;
    let Error::Tls(error) = &error else { panic!("{}", chain(&error)) };
    assert_eq!(error.kind(), TlsErrorKind::NotOffered);
    // And once more each, for what the driver does not tell: why.
    assert_eq!((one.connections(), two.connections()), (2, 2));
}

#[tokio::test]
async fn a_server_in_the_wrong_role_is_passed_over() {
    let rig = Rig::new(shared_azure());
    let replica = rig.read_only_server().await;
    let ports = [replica.port(), rig.azure.server().port()];
    connect(rig.connector(&ports, "target_session_attrs=read-write")).await;
    assert_eq!(replica.connections(), 1);

    let alone = rig.connector(&[replica.port()], "target_session_attrs=read-write");
    let error = failure(alone.deadline(Duration::from_secs(3))).await;
    assert_eq!(unreachable_port(&error), replica.port());
    assert!(error.to_string().contains("target_session_attrs"), "{error}");
}

/// Connects to the servers, and returns how many connections each of them has seen.
async fn connections(rig: &Rig<'_>, servers: [&FakeServer; 2], wanted: &str) -> [usize; 2] {
    let before = servers.map(FakeServer::connections);
    let more = format!("target_session_attrs={wanted}");
    let connector = rig.connector(&servers.map(FakeServer::port), &more).build().unwrap();
    connector.connect().await.unwrap_or_else(|error| panic!("{wanted}: {}", chain(&error)));
    let after = servers.map(FakeServer::connections);
    [after[0] - before[0], after[1] - before[1]]
}

#[tokio::test]
async fn a_primary_or_a_replica_is_known_by_its_state_of_recovery() {
    let rig = Rig::new(shared_azure());
    for [on, off] in [
        [reports_recovery("on"), reports_recovery("off")],
        [answers_recovery("t"), answers_recovery("f")],
    ] {
        let (replica, primary) = (rig.admitting_server(on).await, rig.admitting_server(off).await);
        assert_eq!(connections(&rig, [&replica, &primary], "primary").await, [1, 1]);
        assert_eq!(connections(&rig, [&primary, &replica], "primary").await, [1, 0]);
        assert_eq!(connections(&rig, [&primary, &replica], "standby").await, [1, 1]);
        assert_eq!(connections(&rig, [&replica, &primary], "standby").await, [1, 0]);
        assert_eq!(connections(&rig, [&primary, &replica], "prefer-standby").await, [1, 1]);
        // Both in the first round, and one in the second.
        let other = rig.admitting_server(reports_recovery("off")).await;
        assert_eq!(connections(&rig, [&primary, &other], "prefer-standby").await, [2, 1]);
        assert_eq!(connections(&rig, [&primary, &replica], "any").await, [1, 0]);
    }
}

#[tokio::test]
async fn a_primary_that_is_read_only_is_a_primary() {
    let rig = Rig::new(shared_azure());
    let report = |name: &str, value: &str| message(b'S', format!("{name}\0{value}\0").as_bytes());
    let full_disk =
        [report("default_transaction_read_only", "on"), report("in_hot_standby", "off"), ready()];
    let primary = rig.admitting_server(Misdeed::Send(full_disk.concat())).await;
    let connector = rig.connector(&[primary.port()], "target_session_attrs=primary");
    let client = connector.build().unwrap().connect().await;
    client.unwrap_or_else(|error| panic!("{}", chain(&error)));
}

#[tokio::test]
async fn without_the_wanted_role_the_error_says_so() {
    let rig = Rig::new(shared_azure());
    let replica = rig.admitting_server(reports_recovery("on")).await;
    for (server, wanted) in [(replica.port(), "primary"), (rig.azure.server().port(), "standby")] {
        let alone = rig.connector(&[server], &format!("target_session_attrs={wanted}"));
        let error = failure(alone.deadline(Duration::from_secs(2))).await;
        assert_eq!(unreachable_port(&error), server);
        assert!(error.to_string().contains("target_session_attrs"), "{error}");
        assert!(error.is_transient(), "a failover mends it");
    }
}

#[tokio::test]
async fn a_password_that_wins_over_an_identity_is_named_when_it_is_refused() {
    let rig = Rig::new(shared_azure());
    let acceptor = rig.authority.acceptor(rig.azure.server().host(), |_| ());
    let text = b"SFATAL\0C28P01\0Mpassword authentication failed for user \"x\"\0\0";
    let refusal = Misdeed::Send(message(b'E', text));
    let server = FakeServer::hostile(acceptor, Step::PasswordReceived, refusal).await.0;
    let connector = rig.connector(&[server.port()], "password=not-shown").build().unwrap();
    let error = connector.connect().await.unwrap_err();
    assert!(error.is_rejected(), "{}", chain(&error));
    let hint = error.hint();
    assert!(hint.contains("unset AZURE_POSTGRESQL_CONNECTIONSTRING"), "{hint}");
    assert!(hint.contains("IDENTITY_ENDPOINT") && !hint.contains("not-shown"), "{hint}");
    let report = connector.diagnose().await.to_string();
    assert!(report.contains("goes before the identity that IDENTITY_ENDPOINT"), "{report}");
}

#[tokio::test]
async fn a_preference_leaves_time_for_its_second_round() {
    let rig = Rig::new(shared_azure());
    let silent = FakeServer::silent().await;
    let ports = [silent.port(), rig.azure.server().port()];
    let connector = rig.connector(&ports, "target_session_attrs=prefer-standby");
    connect(connector.deadline(Duration::from_secs(8))).await;
    assert_eq!(silent.connections(), 2);
}

#[tokio::test]
async fn the_order_is_that_of_the_settings_unless_the_load_is_to_be_balanced() {
    let rig = Rig::new(shared_azure());
    let (one, two) = (rig.refusing_server(NOT_HERE).await, rig.refusing_server(NOT_HERE).await);
    // A refusal ends the pass, so each connect asks the server that comes first.
    let ports = [one.port(), two.port()];
    let in_order = rig.connector(&ports, "").build().unwrap();
    for _ in 0..8 {
        assert!(in_order.connect().await.unwrap_err().is_rejected());
    }
    assert!(one.was_asked() && !two.was_asked());

    let at_random = rig.connector(&ports, "load_balance_hosts=random").build().unwrap();
    eventually("the second server comes first", async || {
        assert!(at_random.connect().await.unwrap_err().is_rejected());
        two.was_asked()
    })
    .await;
}

#[tokio::test]
async fn each_address_of_a_name_is_asked_in_turn() {
    let found = tokio::net::lookup_host(("localhost", 0)).await.unwrap();
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    let [first, second, ..] = addresses[..] else {
        return skip("the name localhost has one address here");
    };
    let rig = Rig::new(shared_azure());
    let Ok(dead) = TcpListener::bind((first, 0)).await else {
        return skip(&format!("{first} can't be listened on here"));
    };
    let port = dead.local_addr().unwrap().port();
    let Ok(live) = TcpListener::bind((second, port)).await else {
        return skip(&format!("{second} can't be listened on here"));
    };
    // It hangs up, and refuses connections from then on.
    let asked = tokio::spawn(async move { dead.accept().await.map(drop) });
    let acceptor = rig.authority.acceptor("localhost", |_| ());
    let (live, _) =
        FakeServer::hostile_on(live, acceptor, Step::Authenticated, Misdeed::Send(ready()));

    let connector = rig.connector_to("localhost", "", &[port], "").trust_host("localhost");
    let client = connector.build().unwrap().connect().await;
    client.unwrap_or_else(|error| panic!("{}", chain(&error)));
    asked.await.unwrap().unwrap();
    assert_eq!(live.connections(), 1);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_passed_over_or_named() {
    let rig = Rig::new(shared_azure());
    // A label that is too long for DNS: no server is asked.
    let unknown = format!("{}.postgres.database.azure.com", "x".repeat(64));
    let names = format!("{unknown},{}", rig.azure.server().host());
    let ports = [5432, rig.azure.server().port()];
    connect(rig.connector_to(&names, ",127.0.0.1", &ports, "")).await;

    let alone = rig.connector_to(&unknown, "", &[5432], "").deadline(Duration::from_secs(1));
    let error = failure(alone).await;
    assert_eq!(unreachable_port(&error), 5432);
    assert!(error.to_string().contains(&format!("the name {unknown} was not resolved")), "{error}");
    assert!(error.is_transient());
}
