//! The doctor names the link that is broken, and how to mend it.
use std::time::{Duration, Instant, SystemTime};

use crate::support::{
    WRONG_SECRET,
    fake_server::{
        Authority, FakeServer,
        hostile::{self, Misdeed, message, message_of_length},
    },
    refusing, shared_azure, vars_with_wrong_secret, with_direct_tls,
};
use postgres_entra::{
    AccessToken, Connector, ConnectorBuilder, Environment, Identity, Report, Settings, TlsBackend,
    diagnose::{Outcome, Step, StepName},
    emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform, ServerFault, TokenSpec},
    settings::Host,
    source,
};

const APP_SERVICE: Login = Login::SystemAssigned(Platform::AppService);

type Vars = Vec<(String, String)>;

fn vars(login: Login) -> Vars {
    shared_azure().vars(login, ClientType::Other)
}

fn with(mut vars: Vars, name: &str, value: &str) -> Vars {
    vars.retain(|(known, _)| known != name);
    vars.push((name.to_owned(), value.to_owned()));
    vars
}

fn without(mut vars: Vars, name: &str) -> Vars {
    vars.retain(|(known, _)| known != name);
    vars
}

fn builder(vars: Vars) -> ConnectorBuilder {
    Connector::builder().environment(Environment::from_vars(vars))
}

async fn diagnose(vars: Vars) -> Report {
    builder(vars).diagnose().await
}

/// The problem and the fix of the one step that failed.
fn broken(report: &Report, name: StepName) -> (&str, &str) {
    let failed: Vec<_> = report
        .steps()
        .iter()
        .filter(|step| matches!(step.outcome(), Outcome::Failed { .. }))
        .collect();
    assert_eq!(failed.iter().map(|step| step.name()).collect::<Vec<_>>(), [name], "{report}");
    assert!(!report.is_healthy());
    match failed[0].outcome() {
        Outcome::Failed { problem, fix, .. } => (problem, fix),
        outcome => panic!("{outcome:?}"),
    }
}

fn detail(report: &Report, step: StepName, name: &str) -> String {
    let found = report.step(step).and_then(|step| step.detail(name));
    found.unwrap_or_else(|| panic!("no {name} in {step}: {report}")).to_string()
}

fn passed(report: &Report, name: StepName) -> bool {
    report.step(name).is_some_and(|step| *step.outcome() == Outcome::Passed)
}

fn skipped(report: &Report, name: StepName) -> bool {
    let outcome = report.step(name).map(Step::outcome);
    matches!(outcome, Some(Outcome::Skipped { .. }))
}

#[tokio::test]
async fn every_login_is_healthy() {
    for &login in Login::ALL {
        let report = diagnose(vars(login)).await;
        assert!(report.is_healthy(), "{login:?}: {report}");
        let role = shared_azure().server().role(login);
        assert_eq!(detail(&report, StepName::Session, "current_user"), role);
        assert_eq!(detail(&report, StepName::Session, "in_recovery"), "false");
        assert_eq!(skipped(&report, StepName::Token), login == Login::Password, "{login:?}");
    }
}

#[tokio::test]
async fn a_healthy_report_says_what_was_found_and_where() {
    let report = diagnose(vars(APP_SERVICE)).await;
    let host = detail(&report, StepName::Settings, "host");
    assert_eq!(host, format!("{} (AZURE_POSTGRESQL_HOST)", shared_azure().server().host()));
    assert_eq!(
        detail(&report, StepName::Identity, "because"),
        "IDENTITY_ENDPOINT and IDENTITY_HEADER are set"
    );
    assert_eq!(detail(&report, StepName::Token, "source"), "App Service");
    // Of 24 hours, less what has passed since.
    assert!(detail(&report, StepName::Token, "lifetime_left").starts_with("23 h "), "{report}");
    assert_eq!(detail(&report, StepName::Token, "oid"), APP_SERVICE.object_id().unwrap());
    assert_eq!(detail(&report, StepName::Tls, "issuer"), "CN=Local Azure root");
    assert_eq!(detail(&report, StepName::Tls, "days_to_expiry"), "89");
    assert!(detail(&report, StepName::Session, "server_version").starts_with(char::is_numeric));
    let names: Vec<_> = report.steps().iter().map(Step::name).collect();
    assert_eq!(names, StepName::ALL);
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn rustls_tells_version_and_cipher_too() {
    let report = builder(vars(APP_SERVICE)).tls_backend(TlsBackend::Rustls).diagnose().await;
    assert_eq!(detail(&report, StepName::Tls, "version"), "TLSv1_3");
    assert!(detail(&report, StepName::Tls, "cipher").starts_with("TLS13_"));
    assert_eq!(detail(&report, StepName::Tls, "issuer"), "CN=Local Azure root");
}

#[tokio::test]
async fn direct_tls_is_tried_as_a_connect_would() {
    for &backend in TlsBackend::ALL {
        let report = builder(with_direct_tls(vars(APP_SERVICE))).tls_backend(backend).diagnose();
        let report = report.await;
        assert!(report.is_healthy(), "{backend:?}: {report}");
        assert_eq!(detail(&report, StepName::Tls, "issuer"), "CN=Local Azure root");
    }
}

#[tokio::test]
async fn no_identity_assigned() {
    let login = Login::UserAssigned(Platform::VirtualMachine);
    let other = "00000000-1111-2222-3333-444444444444";
    let report = diagnose(with(vars(login), "AZURE_POSTGRESQL_CLIENTID", other)).await;
    let (problem, fix) = broken(&report, StepName::Token);
    assert!(problem.contains("IMDS"), "{problem}");
    assert!(fix.contains("assign the managed identity"), "{fix}");
    assert!(passed(&report, StepName::Tls) && skipped(&report, StepName::Login), "{report}");
}

#[tokio::test]
async fn wrong_password() {
    let wrong = with(vars(Login::Password), "AZURE_POSTGRESQL_PASSWORD", "wrong");
    let report = diagnose(wrong).await;
    let (problem, fix) = broken(&report, StepName::Login);
    assert!(problem.contains("password authentication failed"), "{problem}");
    assert!(fix.contains("check user and password"), "{fix}");
}

/// A password goes before the identity, which surprises whoever left one behind.
#[tokio::test]
async fn a_password_by_accident() {
    for (name, password) in
        [("AZURE_POSTGRESQL_PASSWORD", "hunter2"), ("AZURE_POSTGRESQL_PASSWORD", "changeme")]
    {
        let report = diagnose(with(vars(APP_SERVICE), name, password)).await;
        let (_, fix) = broken(&report, StepName::Login);
        assert!(fix.contains(&format!("{name} holds the password")), "{fix}");
        assert!(fix.contains("unset it if the identity is to log in"), "{fix}");
        assert!(!everything(&report).contains(password));
    }
}

#[tokio::test]
async fn a_client_id_that_is_none_names_its_variable() {
    for id in ["orders-identity", "orders", "11111111222233334444555555555555"] {
        let report = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_CLIENTID", id)).await;
        let (_, fix) = broken(&report, StepName::Token);
        assert!(fix.starts_with("AZURE_POSTGRESQL_CLIENTID has to hold"), "{fix}");
        assert!(fix.contains("a GUID"), "{fix}");
    }
    let unknown = "11111111-2222-3333-4444-555555555555";
    let report = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_CLIENTID", unknown)).await;
    let (_, fix) = broken(&report, StepName::Token);
    assert!(fix.contains("assign the managed identity"), "{fix}");
}

#[tokio::test]
async fn a_role_that_may_not_log_in_and_one_with_too_many_sessions() {
    let azure = LocalAzure::start().await.unwrap();
    let role = azure.server().role(APP_SERVICE);
    let vars = || azure.vars(APP_SERVICE, ClientType::Python);
    let sql = format!("ALTER ROLE {role} CONNECTION LIMIT 0");
    azure.server().execute(&sql).await.unwrap();
    let report = diagnose(vars()).await;
    let (problem, _) = broken(&report, StepName::Login);
    assert!(problem.contains("too many connections for role"), "{problem}");
    azure.server().execute(&format!("ALTER ROLE {role} NOLOGIN")).await.unwrap();
    let report = diagnose(vars()).await;
    let (problem, fix) = broken(&report, StepName::Login);
    assert!(problem.contains("is not permitted to log in"), "{problem}");
    assert!(fix.contains("LOGIN"), "{fix}");
}

#[tokio::test]
async fn wrong_client_secret() {
    let report = diagnose(vars_with_wrong_secret(shared_azure())).await;
    let (problem, fix) = broken(&report, StepName::Token);
    assert!(problem.contains("AADSTS7000215"), "{problem}");
    assert!(fix.contains("AZURE_POSTGRESQL_CLIENTSECRET"), "{fix}");
    assert!(!everything(&report).contains(WRONG_SECRET));
}

#[tokio::test]
async fn scope_of_another_service() {
    let azure = LocalAzure::start().await.unwrap();
    let builder = builder(azure.vars(APP_SERVICE, ClientType::Python));
    let report = builder.scope("https://management.azure.com/.default").diagnose().await;
    let (problem, fix) = broken(&report, StepName::Identity);
    assert!(problem.contains("https://management.azure.com"), "{problem}");
    assert!(problem.contains(azure.server().host()), "{problem}");
    assert!(fix.contains("scope"), "{fix}");
    assert_eq!(azure.server().passwords_received(), 0);
}

#[tokio::test]
async fn role_missing_and_role_of_another_object_id() {
    let other = shared_azure().server().role(Login::ServicePrincipal);
    let refusals = [
        ("nobody", "for user \"nobody\" (SQLSTATE 28P01)", "pgaadauth_list_principals"),
        (other, "does not match the appid", "SECURITY LABEL"),
    ];
    for (role, refusal, remedy) in refusals {
        let report = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_USERNAME", role)).await;
        let (problem, fix) = broken(&report, StepName::Login);
        assert!(problem.contains(refusal), "{problem}");
        for part in [remedy, APP_SERVICE.object_id().unwrap()] {
            assert!(fix.contains(part), "{fix}");
        }
        assert!(skipped(&report, StepName::Session));
    }
}

#[tokio::test]
async fn port_closed() {
    let (_socket, address) = refusing();
    let port = address.port().to_string();
    let report = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_PORT", &port)).await;
    let (problem, fix) = broken(&report, StepName::Tcp);
    assert!(problem.contains(&port) && problem.contains("refused"), "{problem}");
    assert!(fix.contains("check the port"), "{fix}");
    assert!(passed(&report, StepName::Token) && skipped(&report, StepName::Tls), "{report}");
}

#[tokio::test]
async fn an_address_that_leads_elsewhere_names_its_variable() {
    let (_socket, address) = refusing();
    let port = address.port().to_string();
    for (name, vars) in [
        ("PGHOSTADDR", with(vars(APP_SERVICE), "AZURE_POSTGRESQL_PORT", &port)),
        ("DATABASE_URL", {
            let url = format!(
                "postgres://u:p@contoso.postgres.database.azure.com:{port}/d?hostaddr=127.0.0.1"
            );
            vec![("DATABASE_URL".to_owned(), url)]
        }),
    ] {
        let report = diagnose(vars).await;
        let (_, fix) = broken(&report, StepName::Tcp);
        assert!(fix.contains(&format!("{name} states the address")), "{fix}");
    }
}

#[tokio::test]
async fn authorities_that_are_never_read_are_not_blamed_on_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let vars = with(vars(APP_SERVICE), "PGSSLROOTCERT", file.to_str().unwrap());
    let report = builder(vars).deadline(Duration::from_secs(2)).diagnose().await;
    let (problem, fix) = broken(&report, StepName::Tls);
    assert!(problem.contains("the TLS set-up") && fix.contains("PGSSLROOTCERT"), "{report}");
}

#[tokio::test]
async fn a_user_of_the_form_of_single_server_is_told_the_form_of_today() {
    let server = shared_azure().server();
    let label = server.host().split('.').next().unwrap();
    let role = server.role(APP_SERVICE);
    for user in [format!("{role}@{label}"), format!("{role}@{}", label.to_uppercase())] {
        let report = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_USERNAME", &user)).await;
        let (_, fix) = broken(&report, StepName::Login);
        assert!(fix.contains(&format!("write the user without the server, \"{role}\"")), "{fix}");
    }
    let of_a_person = with(vars(APP_SERVICE), "AZURE_POSTGRESQL_USERNAME", "ann@contoso.com");
    let report = diagnose(of_a_person).await;
    assert!(!broken(&report, StepName::Login).1.contains("Single Server"), "{report}");
}

#[tokio::test]
async fn tls_untrusted() {
    for &backend in TlsBackend::ALL {
        let builder = builder(without(vars(APP_SERVICE), "PGSSLROOTCERT")).tls_backend(backend);
        let report = builder.diagnose().await;
        let (problem, fix) = broken(&report, StepName::Tls);
        assert!(problem.contains("certificate"), "{problem}");
        assert!(fix.contains("PGSSLROOTCERT"), "{fix}");
        // What was shown in its place: behind a proxy that inspects TLS, it is the proxy's.
        assert_eq!(detail(&report, StepName::Tls, "issuer"), "CN=Local Azure root");
        let names = detail(&report, StepName::Tls, "names");
        assert!(names.contains(shared_azure().server().host()), "{names}");
        assert_eq!(detail(&report, StepName::Tls, "days_to_expiry"), "89");
        assert!(passed(&report, StepName::Token) && skipped(&report, StepName::Login), "{report}");
    }
}

#[tokio::test]
async fn an_authority_under_the_root_that_stores_drop_is_named() {
    let authority = Authority::named("DigiCert Global Root CA");
    let host = shared_azure().server().host();
    for &backend in TlsBackend::ALL {
        let server = FakeServer::with_tls(authority.acceptor(host, |_| ())).await;
        let port = server.port().to_string();
        let builder = builder(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_PORT", &port));
        let report = builder.tls_backend(backend).diagnose().await;
        let (_, fix) = broken(&report, StepName::Tls);
        assert!(fix.contains("DigiCert Global Root G1"), "{backend:?}: {fix}");
        // Two handshakes, and no login in either.
        assert_eq!(server.connections(), 2, "{backend:?}");
    }
}

#[tokio::test]
async fn tls_not_offered() {
    let server = FakeServer::without_tls().await;
    let vars = with(vars(APP_SERVICE), "AZURE_POSTGRESQL_PORT", &server.port().to_string());
    let report = diagnose(vars).await;
    let (problem, fix) = broken(&report, StepName::Tls);
    assert!(problem.contains("does not offer TLS"), "{problem}");
    assert!(fix.contains("host and port"), "{fix}");
}

/// A connector to several servers on this machine, tried in this order.
fn with_ports(ports: &[u16]) -> Connector {
    let azure = shared_azure();
    let server = azure.server();
    let host = |port: &u16| Host::new(server.host(), *port).with_address(server.hostaddr());
    let settings = Settings::for_hosts(ports.iter().map(host).collect(), Identity::SystemAssigned)
        .with_user(server.role(APP_SERVICE))
        .with_database(server.database())
        .with_ssl_root_cert(azure.ca_certificate());
    let builder = builder(vars(APP_SERVICE)).settings(settings);
    builder.deadline(Duration::from_secs(6)).build().unwrap()
}

#[tokio::test]
async fn a_server_without_tls_is_passed_over_as_a_login_does() {
    let server = FakeServer::without_tls().await;
    let connector = with_ports(&[server.port(), shared_azure().server().port()]);
    let report = connector.diagnose().await;
    assert!(report.is_healthy(), "{report}");
    let passed_over = format!("127.0.0.1:{}", server.port());
    assert_eq!(detail(&report, StepName::Tcp, &passed_over), "connected");
    assert!(detail(&report, StepName::Tls, &passed_over).contains("TLS"), "{report}");
    connector.connect().await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_answers_leaves_time_for_the_next() {
    let server = FakeServer::silent().await;
    let connector = with_ports(&[server.port(), shared_azure().server().port()]);
    let report = connector.diagnose().await;
    assert!(report.is_healthy(), "{report}");
}

#[tokio::test]
async fn tls_fails_when_no_server_is_left() {
    let (one, two) = (FakeServer::without_tls().await, FakeServer::without_tls().await);
    let report = with_ports(&[one.port(), two.port()]).diagnose().await;
    let (problem, _) = broken(&report, StepName::Tls);
    assert!(problem.contains("does not offer TLS"), "{problem}");
    assert_eq!((one.connections(), two.connections()), (1, 1));
}

#[tokio::test]
async fn name_not_resolving() {
    // A label that is too long for DNS: no server is asked.
    let host = format!("{}.postgres.database.azure.com", "x".repeat(64));
    let vars = with(without(vars(APP_SERVICE), "PGHOSTADDR"), "AZURE_POSTGRESQL_HOST", &host);
    let report = diagnose(vars).await;
    let (problem, fix) = broken(&report, StepName::Dns);
    assert!(problem.contains(&host), "{problem}");
    assert!(fix.contains("privatelink.postgres.database.azure.com"), "{fix}");
    assert!(passed(&report, StepName::Audience) && skipped(&report, StepName::Tcp), "{report}");
}

#[tokio::test]
async fn missing_grant() {
    let server = shared_azure().server();
    server.execute("CREATE DATABASE closed").await.unwrap();
    server.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC").await.unwrap();
    let report = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_DATABASE", "closed")).await;
    let (problem, fix) = broken(&report, StepName::Login);
    assert!(problem.contains("permission denied for database \"closed\""), "{problem}");
    assert!(fix.contains("GRANT CONNECT ON DATABASE"), "{fix}");
}

#[tokio::test]
async fn expired_token() {
    let azure = LocalAzure::start().await.unwrap();
    let token = azure.identity_service().mint_token(&TokenSpec::new(APP_SERVICE));
    azure.server().reject_tokens_issued_before_now();
    let report = builder(azure.vars(APP_SERVICE, ClientType::Other))
        .token_source(source::from_fn(move |_scope| {
            let token = token.clone();
            async move { AccessToken::new(token, SystemTime::now() + Duration::from_secs(3600)) }
        }))
        .diagnose()
        .await;
    let (problem, fix) = broken(&report, StepName::Login);
    assert!(problem.contains("The access token has expired"), "{problem}");
    assert!(fix.contains("clock"), "{fix}");
}

#[tokio::test]
async fn answers_of_the_server_have_their_own_fix() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = Connector::from_vars(azure.vars(APP_SERVICE, ClientType::Python)).unwrap();
    let cases = [
        ("28000", "no pg_hba.conf entry for host \"192.0.2.1\"", "networking settings"),
        ("08P01", "client sent partial pkt in startup phase", "port 5432"),
        ("28000", "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER", "type"),
        ("28000", "The access token has invalid format.", "password"),
        ("57P03", "the database system is starting up", "try again later"),
        ("53300", "too many clients already", "try again later"),
        ("08P01", "no more connections allowed (max_client_conn)", "try again later"),
        (
            "08P01",
            "server login has been failing, cached error: connect failed (server_login_retry)",
            "try again later",
        ),
        (
            "08P01",
            "server login has been failing, cached error: password authentication failed for user \
             \"x\" (server_login_retry)",
            "pgaadauth_list_principals",
        ),
    ];
    for (sqlstate, message, remedy) in cases {
        azure.server().set_fault(Some(ServerFault::refuse(sqlstate, message)));
        let report = connector.diagnose().await;
        let (problem, fix) = broken(&report, StepName::Login);
        assert!(problem.contains(message), "{problem}");
        assert!(fix.contains(remedy), "{message}: {fix}");
    }
}

#[tokio::test]
async fn settings_that_can_not_be_used_are_a_report_too() {
    let report = diagnose(Vec::new()).await;
    let (_, fix) = broken(&report, StepName::Settings);
    assert!(fix.contains("AZURE_POSTGRESQL_HOST"), "{fix}");
    assert!(StepName::ALL.iter().skip(1).all(|name| skipped(&report, *name)), "{report}");

    let weak = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_SSL", "false")).await;
    let outside = diagnose(with(vars(APP_SERVICE), "AZURE_POSTGRESQL_HOST", "db.example")).await;
    for report in [weak, outside] {
        broken(&report, StepName::Settings);
    }
}

#[tokio::test]
async fn a_platform_without_a_token_source_is_the_fault_of_the_identity() {
    let report = diagnose(without(vars(APP_SERVICE), "IDENTITY_HEADER")).await;
    let (problem, fix) = broken(&report, StepName::Identity);
    assert!(problem.starts_with("IDENTITY_HEADER: "), "{problem}");
    assert!(fix.contains("IMDS"), "{fix}");
    assert!(passed(&report, StepName::Settings) && skipped(&report, StepName::Dns), "{report}");
}

#[tokio::test]
async fn a_user_that_nothing_names_is_the_fault_of_the_login() {
    let report = diagnose(without(vars(APP_SERVICE), "AZURE_POSTGRESQL_USERNAME")).await;
    let (_, fix) = broken(&report, StepName::Login);
    assert!(fix.contains("PGUSER"), "{fix}");
}

#[tokio::test]
async fn a_silent_link_ends_at_the_deadline_and_does_not_hide_the_others() {
    let azure = LocalAzure::start().await.unwrap();
    let limit = Duration::from_millis(700);
    let diagnose = || async {
        let started = Instant::now();
        let builder = builder(azure.vars(APP_SERVICE, ClientType::Python)).deadline(limit);
        let report = builder.diagnose().await;
        assert!(started.elapsed() < limit + Duration::from_secs(3), "{report}");
        report
    };
    azure.server().set_fault(Some(ServerFault::Silent));
    let report = diagnose().await;
    assert!(broken(&report, StepName::Tls).0.contains("deadline"), "{report}");
    assert!(passed(&report, StepName::Audience) && passed(&report, StepName::Tcp), "{report}");

    azure.server().set_fault(None);
    azure.identity_service().set_fault(Some(IdentityFault::Silent));
    let report = diagnose().await;
    assert!(broken(&report, StepName::Token).1.contains("identity service"), "{report}");
    assert!(passed(&report, StepName::Tls), "{report}");
}

#[tokio::test]
async fn a_diagnosis_that_is_dropped_leaves_the_connector_usable() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = Connector::from_vars(azure.vars(APP_SERVICE, ClientType::Python)).unwrap();
    for millis in [0, 1, 5, 20, 60] {
        let _ = tokio::time::timeout(Duration::from_millis(millis), connector.diagnose()).await;
    }
    let report = connector.diagnose().await;
    assert!(report.is_healthy(), "{report}");
}

#[tokio::test]
async fn a_server_that_is_not_proven_sees_no_credential() {
    let token = "secret-token-of-the-doctor-tests";
    let host = "contoso.postgres.database.azure.com";
    let server = FakeServer::with_tls(Authority::new().acceptor(host, |_| ())).await;
    let address = Host::new(host, server.port()).with_address([127, 0, 0, 1].into());
    let settings = Settings::for_hosts(vec![address], Identity::SystemAssigned).with_user("me");
    let report = Connector::builder()
        .settings(settings)
        .token_source(source::from_fn(move |_scope| async move {
            AccessToken::new(token, SystemTime::now() + Duration::from_secs(3600))
        }))
        .diagnose()
        .await;
    broken(&report, StepName::Tls);
    assert!(server.was_asked() && !server.received(token));
    assert!(!everything(&report).contains(token));
}

#[tokio::test]
async fn a_link_that_breaks_after_the_login_is_named_at_once() {
    let host = "contoso.postgres.database.azure.com";
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    // Ready for queries, and then a message of an impossible length, which ends the connection.
    let script = Misdeed::Answer(message(b'Z', b"I"), message_of_length(b'D', 0, b""));
    let acceptor = authority.acceptor(host, |_| ());
    let (server, _) = FakeServer::hostile(acceptor, hostile::Step::Authenticated, script).await;
    let address = Host::new(host, server.port()).with_address([127, 0, 0, 1].into());
    let identity = Identity::Password("hunter2".into());
    let settings = Settings::for_hosts(vec![address], identity).with_user("me");
    let settings = settings.with_ssl_root_cert(roots);
    let report = Connector::builder().settings(settings).diagnose().await;
    let (problem, _) = broken(&report, StepName::Session);
    assert!(problem.starts_with("the server did not answer a query: "), "{problem}");
}

/// The report in each form that somebody may print.
fn everything(report: &Report) -> String {
    let json = serde_json::to_string(report).unwrap();
    format!("{report}\n{report:?}\n{}\n{json}", report.for_terminal().coloured().wrapped(80))
}

#[tokio::test]
async fn no_form_of_a_report_holds_a_secret() {
    let is_secret = |name: &str| {
        ["CLIENTSECRET", "PASSWORD", "IDENTITY_HEADER"].iter().any(|end| name.ends_with(end))
    };
    for &login in Login::ALL {
        let vars = vars(login);
        let mut secrets: Vec<String> = vars
            .iter()
            .filter(|(name, _)| is_secret(name))
            .map(|(_, value)| value.clone())
            .collect();
        let connector = Connector::from_vars(vars).unwrap();
        if let Some(tokens) = connector.token_cache() {
            secrets.push(tokens.token().await.unwrap().secret().to_owned());
        }
        let text = everything(&connector.diagnose().await);
        for secret in secrets {
            assert!(!text.contains(&secret), "{login:?}");
        }
    }
}
