//! What a process tells through the `metrics` facade: the names and labels that operators build on.

use std::{collections::BTreeSet, time::Duration};

use metrics_exporter_prometheus::PrometheusBuilder;
use postgres_entra::{
    Connector, Environment, Settings,
    emulator::{ClientType, IdentityFault, LocalAzure, Login},
    metrics::describe,
    proxy::Proxy,
};
use tokio_postgres::{Config, NoTls, error::SqlState};

/// The TLS set-up has a thread of its own, which this test's recorder doesn't see: the example
/// `axum_service` shows it.
///
/// A connect that works, one that the server refuses, sessions of a proxy, and a connect without a token.
async fn live_through_everything() {
    let azure = LocalAzure::start().await.unwrap();
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    let builder = || Connector::builder().environment(Environment::from_vars(vars.clone()));
    let connector = builder().build().unwrap();
    connector.connect().await.unwrap();
    let cache = connector.token_cache().unwrap();
    cache.replace(&cache.token().await.unwrap()).await.unwrap();

    let nobody = Settings::from_vars(vars.clone()).unwrap().with_user("nobody");
    builder().settings(nobody).build().unwrap().connect().await.unwrap_err();

    sessions_of_a_proxy(&connector, &azure).await;

    let denial = r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}"#;
    let fault = IdentityFault::reply(401, "application/json", denial);
    azure.identity_service().set_fault(Some(fault));
    builder().build().unwrap().connect().await.unwrap_err();
}

/// A session that ends, one that the server refuses, and a program with another password.
async fn sessions_of_a_proxy(connector: &Connector, azure: &LocalAzure) {
    let proxy = Proxy::builder(connector).loopback(0, "the run's own").start().await.unwrap();
    let connect = async |password, database| {
        let address = proxy.address().unwrap();
        let mut config = Config::new();
        config.host(address.ip().to_string()).port(address.port()).user("anyone");
        config.password(password).dbname(database).connect(NoTls).await
    };
    let database = azure.server().database();
    let (client, connection) = connect("the run's own", database).await.unwrap();
    drop(client);
    connection.await.unwrap();
    let error = connect("the run's own", "nothing").await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_DATABASE), "{error}");
    connect("another", database).await.err().unwrap();
    proxy.shut_down(Duration::from_secs(60)).await;
}

#[test]
fn names_and_labels_are_those_that_are_documented() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    // The recorder is this thread's, and so are all tasks of this runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        describe();
        runtime.block_on(live_through_everything());
    });
    let text = shown.render();
    let series: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("quantile") && !line.is_empty())
        .filter_map(|line| line.rsplit_once(' ').map(|(series, _value)| series))
        .collect();
    let connects = "db_client_connection_create_time";
    let of_postgres = "db_system_name=\"postgresql\"";
    let mut expected = BTreeSet::new();
    for part in ["sum", "count"] {
        expected.insert(format!("{connects}_{part}{{{of_postgres}}}"));
        for (kind, stage) in [("rejected", "login"), ("token", "token")] {
            expected.insert(format!(
                "{connects}_{part}{{{of_postgres},error_type=\"{kind}\",postgres_entra_stage=\"{stage}\"}}"
            ));
        }
    }
    for rest in [
        "refusals{reason=\"authentication_failed\"}",
        "refusals{reason=\"database_missing\"}",
        "token_expires_at{source=\"client secret\"}",
        "token_forced_renewals{source=\"client secret\"}",
        "token_last_success_at{source=\"client secret\"}",
        "proxy_open_sessions",
        "proxy_sessions{outcome=\"failed\"}",
        "proxy_sessions{outcome=\"opened\"}",
        "proxy_sessions{outcome=\"refused\"}",
        "token_requests{source=\"client secret\",outcome=\"denied\"}",
        "token_requests{source=\"client secret\",outcome=\"new\"}",
    ] {
        expected.insert(format!("postgres_entra_{rest}"));
    }
    assert_eq!(series, expected.iter().map(String::as_str).collect(), "{text}");
    assert!(text.contains("\npostgres_entra_proxy_open_sessions 0\n"), "{text}");
    assert!(text.contains("# HELP postgres_entra_token_expires_at When the newest token expires"));
}
