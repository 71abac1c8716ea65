//! Logins to a PostgreSQL that knows nothing of Azure, so that the local Azure is not the only judge.
//!
//! The role's password is the token, and the server checks it with its own `password` method over its
//! own TLS. Linux alone, because that has a whole network of loopback addresses to listen on.
use std::{path::PathBuf, time::Duration};

use crate::support::{
    chain, eventually, fake_server::Authority, refusing, relay::Relay, shared_azure, skip, sleeps,
    unmodified_postgres::UnmodifiedPostgres,
};
use postgres_entra::{
    AccessToken, Connector, ConnectorBuilder, Error, Identity, Rejection, RejectionReason,
    Settings, TlsBackend,
    emulator::{ClientType, Login, Platform},
    settings::{Host, Keepalives, SslMode, SslNegotiation},
    source,
};
use tokio::sync::OnceCell;
use tokio_postgres::{CancelToken, error::SqlState};

const HOST: &str = "unmodified.postgres.database.azure.com";
const ROLE: &str = "aad_orders";

/// A server that all tests share, with a role whose password is this token.
struct Rig {
    server: UnmodifiedPostgres,
    root_certificate: PathBuf,
    token: AccessToken,
}

impl Rig {
    async fn shared() -> &'static Self {
        static RIG: OnceCell<Rig> = OnceCell::const_new();
        RIG.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let azure = shared_azure();
        let authority = Authority::new();
        let server = UnmodifiedPostgres::start(azure, &authority, HOST, 5432).await;
        // In a folder that goes away with the local Azure: what is in a static is never dropped.
        let root_certificate = azure.server().socket_dir().join("unmodified-ca.pem");
        std::fs::write(&root_certificate, authority.pem()).unwrap();
        let login = Login::SystemAssigned(Platform::AppService);
        let connector = Connector::from_vars(azure.vars(login, ClientType::Other)).unwrap();
        let token = connector.token_cache().unwrap().token().await.unwrap();
        let role = format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{}'", token.secret());
        server.superuser().await.batch_execute(&role).await.unwrap();
        Self { server, root_certificate, token }
    }

    fn settings(&self, identity: Identity) -> Settings {
        let address = self.server.address();
        let host = Host::new(HOST, address.port()).with_address(address.ip());
        self.settings_for(vec![host], identity)
    }

    fn settings_for(&self, hosts: Vec<Host>, identity: Identity) -> Settings {
        Settings::for_hosts(hosts, identity)
            .with_user(ROLE)
            .with_database("postgres")
            .with_ssl_root_cert(&self.root_certificate)
    }

    /// A connector whose source always brings the token that is the role's password.
    fn connector(
        &self,
        change: impl FnOnce(Settings) -> Settings,
        backend: TlsBackend,
    ) -> Connector {
        build(self.builder(change(self.settings(Identity::SystemAssigned))), backend)
    }

    fn builder(&self, settings: Settings) -> ConnectorBuilder {
        let token = self.token.clone();
        let source = source::from_fn(move |_scope| std::future::ready(Ok(token.clone())));
        Connector::builder().settings(settings).token_source(source)
    }

    fn connector_with_password(
        &self,
        password: &str,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Connector {
        let settings = change(self.settings(Identity::Password(password.into())));
        build(Connector::builder().settings(settings), TlsBackend::default())
    }
}

fn build(connector: ConnectorBuilder, backend: TlsBackend) -> Connector {
    connector.tls_backend(backend).build().unwrap()
}

async fn rejection(connector: Connector) -> Rejection {
    match connector.connect().await.unwrap_err() {
        Error::Rejected(rejection) => rejection,
        error => panic!("not a rejection: {}", chain(&error)),
    }
}

/// Who the server says has logged in, and whether over TLS.
async fn session(connector: &Connector) -> (String, bool) {
    let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let query = "SELECT current_user::text, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = client.query_one(query, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn the_token_is_the_password_over_the_servers_own_tls() {
    let rig = Rig::shared().await;
    for &backend in TlsBackend::ALL {
        let connector = rig.connector(|settings| settings, backend);
        assert_eq!(session(&connector).await, (ROLE.to_owned(), true), "{backend:?}");
    }
}

#[tokio::test]
async fn tls_may_begin_without_being_asked_for() {
    let rig = Rig::shared().await;
    if rig.server.major_version().await < 17 {
        return skip("direct TLS came with PostgreSQL 17");
    }
    for &backend in TlsBackend::ALL {
        let direct = |settings: Settings| settings.with_ssl_negotiation(SslNegotiation::Direct);
        let connector = rig.connector(direct, backend);
        assert_eq!(session(&connector).await, (ROLE.to_owned(), true), "{backend:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_rejected() {
    let rig = Rig::shared().await;
    let rejection = rejection(rig.connector_with_password("wrong", |settings| settings)).await;
    assert_eq!(rejection.sqlstate(), "28P01");
    assert_eq!(rejection.reason(), RejectionReason::AuthenticationFailed, "{rejection}");
}

#[tokio::test]
async fn a_password_without_tls_is_not_admitted() {
    let rig = Rig::shared().await;
    let connector =
        rig.connector_with_password("wrong", |settings| settings.with_ssl_mode(SslMode::Disable));
    let rejection = rejection(connector).await;
    assert_eq!(rejection.reason(), RejectionReason::NotAdmitted, "{rejection}");
}

#[tokio::test]
async fn a_missing_database_is_rejected() {
    let rig = Rig::shared().await;
    let connector =
        rig.connector(|settings| settings.with_database("absent"), TlsBackend::default());
    assert_eq!(rejection(connector).await.reason(), RejectionReason::DatabaseMissing);
}

#[tokio::test]
async fn a_role_that_may_not_log_in_is_rejected_with_the_servers_text() {
    let rig = Rig::shared().await;
    let role = format!("CREATE ROLE no_login PASSWORD '{}'", rig.token.secret());
    rig.server.superuser().await.batch_execute(&role).await.unwrap();
    let connector = rig.connector(|settings| settings.with_user("no_login"), TlsBackend::default());
    let rejection = rejection(connector).await;
    assert_eq!(rejection.sqlstate(), "28000");
    assert!(rejection.message().contains("not permitted to log in"), "{rejection}");
}

/// Runs a statement on a connector's session until it is cancelled like this.
async fn cancel(
    rig: &Rig,
    connector: &Connector,
    cancel: impl AsyncFnOnce(CancelToken),
    what: &str,
) {
    let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let token = client.cancel_token();
    let (sleep, ()) = tokio::join!(client.batch_execute("SELECT pg_sleep(60)"), async {
        sleeps(&rig.server.superuser().await).await;
        cancel(token).await;
    });
    assert_eq!(sleep.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED), "{what}");
}

/// By the connector, and by the driver with TLS of the application's own.
#[tokio::test]
async fn a_statement_is_cancelled_on_the_server_and_address_that_its_session_is_on() {
    let rig = Rig::shared().await;
    // The name has two addresses, and something listens on the second alone; before it is a dead host.
    let relay = Relay::to(rig.server.address()).await;
    let (_socket, dead) = refusing();
    let hosts = vec![
        Host::new(HOST, dead.port()).with_address(dead.ip()),
        Host::new("localhost", relay.address().port()),
    ];
    for &backend in TlsBackend::ALL {
        let several = rig.settings_for(hosts.clone(), Identity::SystemAssigned);
        for settings in [rig.settings(Identity::SystemAssigned), several] {
            let connector = rig.builder(settings).trust_host("localhost");
            let connector = build(connector, backend);
            let by_connector = async |token: CancelToken| {
                let cancelled = connector.cancel_query(&token).await;
                cancelled.unwrap_or_else(|error| panic!("{}", chain(&error)));
            };
            cancel(rig, &connector, by_connector, &format!("{backend:?}")).await;
            #[cfg(feature = "native-tls")]
            {
                let tls = own_tls(&rig.root_certificate);
                let by_driver = async |token: CancelToken| token.cancel_query(tls).await.unwrap();
                cancel(rig, &connector, by_driver, &format!("{backend:?}, by the driver")).await;
            }
        }
    }
}

#[cfg(feature = "native-tls")]
fn own_tls(root: &std::path::Path) -> postgres_native_tls::MakeTlsConnector {
    let root = native_tls::Certificate::from_pem(&std::fs::read(root).unwrap()).unwrap();
    let tls = native_tls::TlsConnector::builder().add_root_certificate(root).build().unwrap();
    postgres_native_tls::MakeTlsConnector::new(tls)
}

/// What Linux has set a timer for on this port's connection, and when it ends, in hundredths of a second
/// ([proc_net_tcp](https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html)).
fn timer(local_port: u16) -> Option<(String, u64)> {
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{local_port:04X}");
    let fields = |line: &'_ str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut lines = connections.lines().map(fields);
    let timer = lines.find(|fields| fields[1].ends_with(&port))?.swap_remove(5);
    let (kind, when) = timer.split_once(':')?;
    Some((kind.to_owned(), u64::from_str_radix(when, 16).unwrap()))
}

#[tokio::test]
async fn an_idle_session_is_probed_after_a_minute_or_as_the_settings_say() {
    const KEEPALIVE: &str = "02";
    let rig = Rig::shared().await;
    let (mut longer, mut off) = (Keepalives::default(), Keepalives::default());
    longer.idle = Some(Duration::from_secs(500));
    off.enabled = false;
    let cases = [(Keepalives::default(), Some(50..=60)), (longer, Some(400..=500)), (off, None)];
    for &backend in TlsBackend::ALL {
        for (keepalives, expected) in &cases {
            let connector = rig.connector(|it| it.with_keepalives(*keepalives), backend);
            let client = connector.connect().await.unwrap();
            let row = client.query_one("SELECT inet_client_port()", &[]).await.unwrap();
            let port = u16::try_from(row.get::<_, i32>(0)).unwrap();
            eventually("the connection is idle", async || {
                let (kind, when) = timer(port).expect("the connection");
                match expected {
                    Some(seconds) => kind == KEEPALIVE && seconds.contains(&(when / 100)),
                    None => kind == "00",
                }
            })
            .await;
        }
    }
}
