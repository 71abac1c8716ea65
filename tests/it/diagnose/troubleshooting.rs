//! The table of the guide's page "troubleshooting": each text in it is said, and where a hint goes with it,
//! the hint and the table name the same remedy.
//!
//! Linux alone: elsewhere no address on loopback swallows what is sent to it.

use std::time::{Duration, SystemTime};

use postgres_entra::{
    AccessToken, Connector, Environment, Identity, Settings,
    emulator::{
        ClientType, IdentityFault, LocalAzure, Login, Platform, PrincipalType, ServerFault,
        TokenSpec,
    },
    settings::Host,
    source,
};

use crate::support::{
    chain, child,
    fake_server::{
        Authority, FakeServer,
        hostile::{self, Misdeed},
    },
    refusing, shared_azure,
    swallowing::Swallowing,
    trusted, vars_with_wrong_secret,
};

const PAGE: &str = include_str!("../../../src/guide/troubleshooting.md");

const APP: Login = Login::SystemAssigned(Platform::AppService);
const MACHINE: Login = Login::UserAssigned(Platform::VirtualMachine);
const HOST: &str = "contoso.postgres.database.azure.com";

type Vars = Vec<(String, String)>;

/// A row: what is said, and what to do.
struct Row {
    texts: Vec<&'static str>,
    remedy: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = PAGE.lines().filter(|line| line.starts_with("| ")).skip(1);
    let row = |line: &'static str| {
        let (_, cells) = line.split_once("| ").unwrap();
        let (said, remedy) = cells.split_once(" | ").unwrap();
        Row { texts: said.split('`').skip(1).step_by(2).collect(), remedy }
    };
    lines.map(row).collect()
}

/// Whether the text is there, in which `...` stands for anything.
fn says(shown: &str, text: &str) -> bool {
    let mut rest = shown;
    text.split("...").all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// Somebody's error, as text, and a word that its hint and the row share; an empty one where no error of
/// ours is behind it.
struct Said(&'static str, String);

fn with(mut vars: Vars, name: &str, value: &str) -> Vars {
    vars.retain(|(known, _)| known != name);
    vars.push((name.to_owned(), value.to_owned()));
    vars
}

fn without(mut vars: Vars, names: &[&str]) -> Vars {
    vars.retain(|(name, _)| !names.contains(&name.as_str()));
    vars
}

fn of_app() -> Vars {
    shared_azure().vars(APP, ClientType::Other)
}

fn settings(vars: &[(&str, &str)]) -> String {
    let connector = Connector::from_vars(vars.iter().copied());
    chain(&connector.unwrap_err())
}

async fn connect_within(limit: Duration, vars: Vars) -> String {
    let builder = Connector::builder().environment(Environment::from_vars(vars)).deadline(limit);
    chain(&builder.build().unwrap().connect().await.unwrap_err())
}

async fn connect(vars: Vars) -> String {
    connect_within(Duration::from_secs(20), vars).await
}

/// What settings that can't be used, and a token that can't be had, come to.
async fn of_settings_and_identity() -> Vec<Said> {
    let (_socket, nobody) = refusing();
    let on_machine =
        |vars| with(vars, "AZURE_POSTGRESQL_CLIENTID", "1b4ae47a-8c6f-4f2e-9d18-a47c3e5a1f08");
    let machine = shared_azure().vars(MACHINE, ClientType::Other);
    let principal = shared_azure().vars(Login::ServicePrincipal, ClientType::Other);
    let elsewhere =
        with(machine.clone(), "AZURE_POD_IDENTITY_AUTHORITY_HOST", &format!("http://{nobody}"));
    let vault = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)";
    vec![
        Said("DATABASE_URL", settings(&[])),
        Said("verify-full", settings(&[("PGHOST", HOST), ("PGSSLMODE", "disable")])),
        Said("Azure portal", settings(&[("AZURE_POSTGRESQL_CONNECTIONSTRING", vault)])),
        Said("PGUSER", connect(without(of_app(), &["AZURE_POSTGRESQL_USERNAME"])).await),
        Said("trust_host", settings(&[("PGHOST", "db.example")])),
        Said(
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            connect_within(Duration::from_secs(1), elsewhere).await,
        ),
        Said("azure.workload.identity/use", connect(on_machine(machine)).await),
        Said("IDENTITY_HEADER", connect(with(of_app(), "IDENTITY_HEADER", "of-yesterday")).await),
        Said(
            "AZURE_POSTGRESQL_CLIENTSECRET",
            connect(vars_with_wrong_secret(shared_azure())).await,
        ),
        Said("AZURE_POSTGRESQL_CLIENTID", connect(on_machine(principal)).await),
    ]
}

/// Texts that the local Azure has no cause to say.
async fn of_the_identity_service() -> Vec<Said> {
    let azure = LocalAzure::start().await.unwrap();
    let told = async |login: Login, body: &str| {
        azure.identity_service().set_fault(Some(IdentityFault::reply(
            400,
            "application/json",
            body,
        )));
        // Some answers are asked for again: what was just set up may not be there yet.
        connect_within(Duration::from_secs(3), azure.vars(login, ClientType::Other)).await
    };
    let several = r#"{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}"#;
    let not_assigned = r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId"}"#;
    let not_loaded =
        r#"{"statusCode":400,"message":"Unable to load the proper Managed Identity."}"#;
    let entra = |code: u32| {
        format!(
            r#"{{"error":"invalid_client","error_description":"AADSTS{code}: no.","error_codes":[{code}]}}"#
        )
    };
    let mut said = vec![
        Said("AZURE_POSTGRESQL_CLIENTID", told(MACHINE, several).await),
        Said("AZURE_POSTGRESQL_CLIENTID", told(APP, not_assigned).await),
        Said("AZURE_POSTGRESQL_CLIENTID", told(APP, not_loaded).await),
        Said(
            "AZURE_POSTGRESQL_CLIENTSECRET",
            told(Login::ServicePrincipal, &entra(7_000_222)).await,
        ),
    ];
    for code in [70_021, 700_213] {
        said.push(Said("issuer, subject", told(Login::WorkloadIdentity, &entra(code)).await));
    }
    azure.identity_service().set_fault(Some(IdentityFault::Silent));
    let limit = Duration::from_secs(1);
    said.push(Said("proxies", connect_within(limit, azure.vars(APP, ClientType::Other)).await));
    said
}

/// What the way to the server comes to.
async fn of_the_network() -> Vec<Said> {
    let (_socket, nobody) = refusing();
    let port = |port: u16| with(of_app(), "AZURE_POSTGRESQL_PORT", &port.to_string());
    let long = format!("{}.postgres.database.azure.com", "x".repeat(64));
    let unresolved = with(without(of_app(), &["PGHOSTADDR"]), "AZURE_POSTGRESQL_HOST", &long);
    let swallowing = Swallowing::start().await;
    let no_tls = FakeServer::without_tls().await;
    let acceptor = Authority::new().acceptor(HOST, |_| ());
    let answer = Misdeed::Send(b"HTTP/1.1 400 Bad Request".to_vec());
    let (web, _) = FakeServer::hostile(acceptor, hostile::Step::TlsRequested, answer).await;
    // These may pass, and are tried again until the end.
    let limit = Duration::from_secs(5);
    let (unresolved, refused, swallowed) = tokio::join!(
        connect_within(limit, unresolved),
        connect_within(limit, port(nobody.port())),
        connect_within(limit, port(swallowing.port())),
    );
    vec![
        Said("privatelink.postgres.database.azure.com", unresolved),
        Said("check the port", refused),
        Said("private endpoint", swallowed),
        Said("PGSSLROOTCERT", connect(without(of_app(), &["PGSSLROOTCERT"])).await),
        Said("check the host and port", connect(port(web.port())).await),
        Said("check the host and port", connect(port(no_tls.port())).await),
    ]
}

/// What the server says to a login.
async fn of_the_server() -> Vec<Said> {
    let azure = LocalAzure::start().await.unwrap();
    let (server, service) = (azure.server(), azure.identity_service());
    let vars = || azure.vars(APP, ClientType::Other);
    let role = |name: &str| with(vars(), "AZURE_POSTGRESQL_USERNAME", name);
    let with_token = async |login: Login, token: String| {
        let settings = Settings::from_vars(azure.vars(login, ClientType::Other)).unwrap();
        let an_hour = SystemTime::now() + Duration::from_secs(3600);
        let token =
            source::from_fn(move |_| std::future::ready(AccessToken::new(token.clone(), an_hour)));
        let connector =
            Connector::builder().settings(settings).token_source(token).build().unwrap();
        chain(&connector.connect().await.unwrap_err())
    };
    server.execute("CREATE ROLE \"ann@contoso.com\" LOGIN").await.unwrap();
    server
        .map_role("ann@contoso.com", "44444444-4444-4444-4444-444444444444", PrincipalType::User)
        .unwrap();
    server.execute("CREATE DATABASE guarded").await.unwrap();
    server.execute("REVOKE CONNECT ON DATABASE guarded FROM PUBLIC").await.unwrap();
    let token_of_a_user = service.mint_token(&TokenSpec::new(APP).of_user("ann@contoso.com"));
    let mut said = vec![
        Said("pgaadauth_list_principals", connect(role("nobody")).await),
        Said("SECURITY LABEL", connect(role(server.role(Login::ServicePrincipal))).await),
        Said("service", connect(role("ann@contoso.com")).await),
        Said("user", with_token(APP, token_of_a_user).await),
        Said("CONNECT", connect(with(vars(), "AZURE_POSTGRESQL_DATABASE", "guarded")).await),
    ];
    let expired = service.mint_token(&TokenSpec::new(APP));
    server.reject_tokens_issued_before_now();
    said.push(Said("clock", with_token(APP, expired).await));
    for (sqlstate, text, remedy) in [
        (
            "28000",
            "no pg_hba.conf entry for host \"192.0.2.1\", SSL encryption",
            "networking settings",
        ),
        ("08P01", "client sent partial pkt in startup phase", "port 5432"),
        ("08P01", "unsupported startup parameter: options", "PgBouncer"),
    ] {
        server.set_fault(Some(ServerFault::refuse(sqlstate, text)));
        said.push(Said(remedy, connect(vars()).await));
    }
    said
}

/// A server that takes the login and says nothing, and one that refuses to create a table.
async fn of_a_session() -> Vec<Said> {
    let authority = Authority::new();
    let (_folder, roots) = trusted(&authority);
    let silent = FakeServer::with_tls(authority.acceptor(HOST, |_| ())).await;
    let address = Host::new(HOST, silent.port()).with_address([127, 0, 0, 1].into());
    let settings = Settings::for_hosts(vec![address], Identity::Password("hunter2".into()))
        .with_user("me")
        .with_ssl_root_cert(roots);
    let builder = Connector::builder().settings(settings).deadline(Duration::from_secs(2));
    let error = builder.build().unwrap().connect().await.unwrap_err();

    let azure = LocalAzure::start().await.unwrap();
    // Already so from version 15 on.
    azure.server().execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await.unwrap();
    let client = Connector::from_vars(azure.vars(APP, ClientType::Other)).unwrap();
    let client = client.connect().await.unwrap();
    let refused = client.batch_execute("CREATE TABLE public.first ()").await.unwrap_err();
    let role = azure.server().role(APP);
    azure
        .server()
        .execute(&format!("GRANT USAGE, CREATE ON SCHEMA public TO \"{role}\""))
        .await
        .unwrap();
    client.batch_execute("CREATE TABLE public.first ()").await.unwrap();
    vec![
        Said("behind PgBouncer", chain(&error)),
        Said("", format!("GRANT USAGE, CREATE ON SCHEMA public TO \"...\": {}", chain(&refused))),
    ]
}

/// What pools say in the place of an error of ours.
async fn of_pools() -> Vec<Said> {
    use postgres_entra::pool;

    let short = Duration::from_millis(500);
    let (_socket, nobody) = refusing();
    let vars = with(of_app(), "AZURE_POSTGRESQL_PORT", &nobody.port().to_string());
    let builder = Connector::builder().environment(Environment::from_vars(vars));
    let connector = builder.deadline(short * 2).build().unwrap();
    let deadpool = pool::deadpool::builder(&connector).build().unwrap();
    let manager = pool::bb8::ConnectionManager::new(&connector);
    let bb8 = bb8::Pool::builder().connection_timeout(short).build_unchecked(manager);
    let options = pool::sqlx::pool_options().acquire_timeout(short);
    let sqlx = pool::sqlx::EntraPgPool::open(&connector, options).await.unwrap();
    vec![
        Said("", chain(&deadpool.get().await.unwrap_err())),
        Said("", chain(&bb8.get().await.unwrap_err())),
        Said("", chain(&sqlx.acquire().await.unwrap_err())),
    ]
}

#[tokio::test]
async fn each_text_of_the_table_is_said_and_its_remedy_is_that_of_the_hint() {
    const TEST: &str = "each_text_of_the_table_is_said_and_its_remedy_is_that_of_the_hint";
    if child::part().is_some() {
        // In a process of its own, whose variables lead to no authorities.
        let vars = [("DATABASE_URL", "postgres://u:p@localhost:1/d")];
        let builder = Connector::builder().environment(Environment::from_vars(vars));
        let connector = builder.tls_backend(postgres_entra::TlsBackend::Rustls).build().unwrap();
        return println!("{}", chain(&connector.connect().await.unwrap_err()));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut without_authorities = child::bare_command(module_path!(), TEST, "no authorities");
    without_authorities
        .env("SSL_CERT_FILE", folder.path().join("absent"))
        .env("SSL_CERT_DIR", folder.path());
    let groups = tokio::join!(
        of_settings_and_identity(),
        of_the_identity_service(),
        of_the_network(),
        of_the_server(),
        of_a_session(),
        of_pools(),
    );
    let mut said = vec![Said("ca-certificates", child::passes(without_authorities).await)];
    for group in [groups.0, groups.1, groups.2, groups.3, groups.4, groups.5] {
        said.extend(group);
    }

    let rows = rows();
    assert!(rows.len() > 30, "{}", rows.len());
    let answers = |row: &Row, text: &str, Said(remedy, shown): &Said| {
        says(shown, text) && shown.contains(remedy) && row.remedy.contains(remedy)
    };
    for row in &rows {
        for text in &row.texts {
            let is_said = said.iter().any(|said| answers(row, text, said));
            assert!(is_said, "nobody says `{text}` with that remedy");
        }
    }
    for one in &said {
        let is_listed = rows.iter().any(|row| row.texts.iter().any(|text| answers(row, text, one)));
        assert!(is_listed, "no row has `{}` and {}", one.1, one.0);
    }
}
