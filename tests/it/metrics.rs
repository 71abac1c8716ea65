//! What a process tells through the `metrics` facade: the names and labels that operators build on.

use std::{collections::BTreeSet, time::Duration};

use metrics_exporter_prometheus::PrometheusBuilder;
use postgres_entra::{
    Connector, Environment, Settings,
    emulator::{ClientType, IdentityFault, LocalAzure, Login},
    metrics::describe,
};

/// The TLS set-up has a thread of its own, which this test's recorder doesn't see: the example
/// `axum_service` shows it.
///
/// A connect that works, one that the server refuses, and one without a token.
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

    azure.identity_service().set_fault(Some(IdentityFault::Status(400)));
    builder().deadline(Duration::from_secs(20)).build().unwrap().connect().await.unwrap_err();
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
        "token_expires_at{source=\"client secret\"}",
        "token_forced_renewals{source=\"client secret\"}",
        "token_last_success_at{source=\"client secret\"}",
        "token_requests{source=\"client secret\",outcome=\"unavailable\"}",
        "token_requests{source=\"client secret\",outcome=\"new\"}",
    ] {
        expected.insert(format!("postgres_entra_{rest}"));
    }
    assert_eq!(series, expected.iter().map(String::as_str).collect(), "{text}");
    assert!(text.contains("# HELP postgres_entra_token_expires_at When the newest token expires"));
}
