//! No secret shows in anything that the crate logs, prints or returns as an error.
//!
//! A binary of its own, because its subscriber is the process's: everything from TRACE up, also what
//! dependencies log, is scanned.
#![cfg(all(feature = "emulator", unix))]

#[cfg(target_os = "linux")]
mod https;
#[cfg(all(feature = "bb8", feature = "deadpool", feature = "diesel-async", feature = "sqlx"))]
mod pool_logs;
#[cfg(all(feature = "bb8", feature = "deadpool", feature = "diesel-async", feature = "sqlx"))]
mod pools;
mod sources;
#[path = "../it/support/mod.rs"]
mod support;

use std::{error::Error as StdError, fmt::Debug, sync::Mutex, time::Duration};

use crate::support::{builder, chain, leaks::Secrets, log::Log};
use postgres_entra::{
    Connector, ConnectorBuilder, Environment, Error, Identity, Settings, TlsBackend, TokenCache,
    emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform, ServerFault},
    source::{self, Chain},
};

/// Everything that a program could print.
#[derive(Default)]
struct Shown(Mutex<String>);

impl Shown {
    fn debug(&self, value: &dyn Debug) {
        let mut shown = self.0.lock().unwrap();
        shown.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    fn error(&self, error: &(dyn StdError + 'static)) {
        self.debug(&error);
        self.0.lock().unwrap().push_str(&chain(error));
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn no_secret_is_logged_or_shown_on_any_path() {
    let log = Log::of_process();
    let azure = LocalAzure::start().await.unwrap();
    let shown = Shown::default();
    let mut secrets = Secrets::default();
    add_static_secrets(&mut secrets, &azure);

    for &login in Login::ALL {
        settings_of_all_forms(&azure, login, &shown);
        successes(&azure, login, &shown, &mut secrets).await;
        identity_failures(&azure, login, &shown).await;
    }
    // To the server one token is like another.
    for login in
        [Login::SystemAssigned(Platform::AppService), Login::ServicePrincipal, Login::Password]
    {
        server_failures(&azure, login, &shown, &mut secrets).await;
    }
    settings_errors(&shown, &mut secrets);
    broken_connection(&azure, &shown).await;
    #[cfg(all(feature = "bb8", feature = "deadpool", feature = "diesel-async", feature = "sqlx"))]
    {
        pools::show_all(&azure, &shown, &mut secrets).await;
        log.assert_records(&["postgres_entra::pool", "sqlx"]);
    }
    shown.debug(&azure);

    log.assert_records(&["postgres_entra::cache", "postgres_entra::connect", "tokio_postgres::"]);
    assert_eq!(secrets.found_in(&log.text()), [""; 0], "in the log");
    assert_eq!(secrets.found_in(&shown.text()), [""; 0], "in what was shown");
}

/// What is in the variables and in the file of the federated token.
fn add_static_secrets(secrets: &mut Secrets, azure: &LocalAzure) {
    secrets.add("password", azure.server().role_password());
    for &login in Login::ALL {
        for (name, value) in azure.vars(login, ClientType::Other) {
            match name.as_str() {
                "IDENTITY_HEADER" | "MSI_SECRET" => secrets.add("identity header", &value),
                "AZURE_POSTGRESQL_CLIENTSECRET" => secrets.add("client secret", &value),
                "AZURE_FEDERATED_TOKEN_FILE" => {
                    let token = std::fs::read_to_string(value).unwrap();
                    secrets.add_jwt("federated token", &token);
                }
                _ => {}
            }
        }
    }
}

fn settings_of_all_forms(azure: &LocalAzure, login: Login, shown: &Shown) {
    for &client_type in ClientType::ALL {
        let vars = azure.vars(login, client_type);
        let settings = Settings::from_vars(vars.clone()).unwrap();
        shown.debug(&settings);
        shown.debug(&settings.origins().collect::<Vec<_>>());
        shown.debug(&Environment::from_vars(vars));
    }
}

async fn successes(azure: &LocalAzure, login: Login, shown: &Shown, secrets: &mut Secrets) {
    let environment = Environment::from_vars(azure.vars(login, ClientType::Python));
    for &backend in TlsBackend::ALL {
        let builder = builder(azure, login).tls_backend(backend);
        shown.debug(&builder);
        let connector = builder.build().unwrap();
        let (client, connection) = connector.connect_parts().await.unwrap();
        let connection = tokio::spawn(connection);
        client.query_one("SELECT $1::text", &[&"a value"]).await.unwrap();
        shown.debug(&connector);
        shown.debug(&client);
        if let Some(cache) = connector.token_cache() {
            show_cache(cache, shown, secrets).await;
        }
        drop(client);
        connection.await.unwrap().unwrap();
    }
    let settings = Settings::from_environment(&environment, &Default::default()).unwrap();
    let detected = source::detect(settings.identity(), settings.cloud(), &environment).unwrap();
    shown.debug(&detected);
    if let Some(detected) = detected {
        shown.debug(&Chain::new(vec![detected.source().clone()]));
        let token = detected.source().fetch_token(settings.cloud().scope()).await.unwrap();
        secrets.add_jwt("token", token.secret());
        shown.debug(&token);
    }
}

async fn show_cache(cache: &TokenCache, shown: &Shown, secrets: &mut Secrets) {
    let guard = cache.keep_fresh(|_token| ());
    let token = cache.token().await.unwrap();
    secrets.add_jwt("token", token.secret());
    cache.invalidate(&token);
    let forced = cache.token().await.unwrap();
    secrets.add_jwt("forced token", forced.secret());
    for value in [&guard as &dyn Debug, cache, &token, &forced, &cache.stats()] {
        shown.debug(value);
    }
}

/// Replies that hold secrets are the dangerous ones: an error that quotes them would leak.
async fn identity_failures(azure: &LocalAzure, login: Login, shown: &Shown) {
    if login == Login::Password {
        return;
    }
    let vars: String =
        azure.vars(login, ClientType::Other).iter().map(|(_, value)| format!("{value} ")).collect();
    let echo = serde_json::json!({ "error": "invalid_request", "error_description": vars });
    let faults = [
        IdentityFault::Status(400),
        IdentityFault::reply(400, "application/json", echo.to_string()),
        IdentityFault::reply(400, "text/plain", vars.clone()),
        IdentityFault::reply(200, "application/json", echo.to_string()),
        IdentityFault::json(format!("{{\"access_token\":\"{vars}\",\"expires_in\":3600}}")),
        IdentityFault::Silent,
    ];
    for fault in faults {
        azure.identity_service().set_fault(Some(fault));
        failure(builder(azure, login), shown).await;
    }
    azure.identity_service().set_fault(None);
}

async fn server_failures(azure: &LocalAzure, login: Login, shown: &Shown, secrets: &mut Secrets) {
    let faults = [
        ServerFault::NoTls,
        ServerFault::Reset,
        ServerFault::SilentAfterTls,
        ServerFault::refuse("28P01", "password authentication failed"),
        ServerFault::refuse("53300", "too many connections"),
        ServerFault::CloseAfterPassword,
    ];
    for fault in faults {
        azure.server().set_fault(Some(fault));
        let connector = failure(builder(azure, login), shown).await;
        if let Some(cache) = connector.token_cache() {
            secrets.add_jwt("token", cache.token().await.unwrap().secret());
        }
    }
    azure.server().set_fault(None);
}

async fn failure(builder: ConnectorBuilder, shown: &Shown) -> Connector {
    let connector = builder.deadline(Duration::from_millis(300)).build().unwrap();
    let error = connector.connect().await.expect_err("the fault makes it fail");
    shown.error(&error);
    if let Error::Timeout { last: Some(last), .. } = &error {
        shown.error(last);
    }
    if let Some(cache) = connector.token_cache() {
        shown.debug(&cache.stats());
    }
    connector
}

/// Settings that can't be used and hold a secret.
fn settings_errors(shown: &Shown, secrets: &mut Secrets) {
    const SECRET: &str = "s3cret~in.the_settings";
    secrets.add("secret in the settings", SECRET);
    let strings = [
        format!("postgresql://user:{SECRET}@host:port/db"),
        format!("postgresql://user:{SECRET}@@@/?sslmode={SECRET}"),
        format!("host=h user=u password={SECRET} sslmode={SECRET}"),
        format!("host=h user=u password='{SECRET}"),
        format!("host=h {SECRET}"),
        format!("Server=h;User Id=u;Password={SECRET};{SECRET}=x"),
        format!("Server=h;User Id=u;Password=\"{SECRET}"),
        format!("jdbc:postgresql://h:port/db?user=u&password={SECRET}"),
        format!("jdbc:postgresql://h/db?user=u&password={SECRET}&sslmode={SECRET}"),
        format!("@Microsoft.KeyVault(SecretUri=https://v/{SECRET})"),
        SECRET.to_owned(),
    ];
    let mut errors = 0;
    for name in ["AZURE_POSTGRESQL_CONNECTIONSTRING", "DATABASE_URL", "spring.datasource.url"] {
        for text in &strings {
            for more in ["PGPORT", "PGSSLMODE", "AZURE_CLIENT_ID"] {
                if let Err(error) = Settings::from_vars([(name, text.as_str()), (more, SECRET)]) {
                    shown.error(&error);
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 50, "{errors} errors");
    shown.debug(&Identity::service_principal("tenant", "client", SECRET));
    shown.debug(&Identity::Password(SECRET.into()));
}

async fn broken_connection(azure: &LocalAzure, shown: &Shown) {
    let login = Login::SystemAssigned(Platform::VirtualMachine);
    let client = builder(azure, login).build().unwrap().connect().await.unwrap();
    azure.server().disconnect_all().await.unwrap();
    shown.error(&client.simple_query("SELECT 1").await.unwrap_err());
}

/// The scanner itself.
mod scanner {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
    };

    use super::support::leaks::Secrets;

    const SECRET: &str = "p4ss?word~with>>signs\"and more than one fragment";

    fn finds(text: &str) -> bool {
        let mut secrets = Secrets::default();
        secrets.add("planted", SECRET);
        !secrets.found_in(text).is_empty()
    }

    #[test]
    fn a_planted_secret_is_found_in_each_form() {
        let list: Vec<u8> = SECRET.into();
        let hex: String = list.iter().map(|byte| format!("{byte:02x}")).collect();
        let percent =
            percent_encoding::utf8_percent_encode(SECRET, percent_encoding::NON_ALPHANUMERIC);
        let forms = [
            SECRET.to_owned(),
            format!("{SECRET:?}"),
            format!("{list:?}"),
            percent.to_string(),
            hex.to_uppercase(),
            hex,
        ];
        for form in forms {
            assert!(finds(&format!("before {form} after")), "{form}");
        }
    }

    #[test]
    fn a_planted_secret_is_found_in_base64_wherever_it_begins_and_ends() {
        for before in ["", "x", "xy", "xyz"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = format!("{before}{SECRET}{after}");
                for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                    assert!(finds(&engine.encode(&text)), "{before} {after}");
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_long_secret_is_found() {
        assert!(finds(&SECRET[..25]));
        assert!(finds(&SECRET[SECRET.len() - 25..]));
    }

    #[test]
    fn text_without_secrets_is_clean() {
        assert!(!finds("before p4ss?word after"));
    }
}
