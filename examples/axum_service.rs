//! A web service over a pool: one query, its health, its metrics for Prometheus, and a stop that lets
//! requests finish.
//!
//! With the variables of Service Connector: `cargo run --example axum_service --features deadpool,metrics`,
//! where `-- ADDRESS` after it takes the place of 127.0.0.1:8080. Anywhere else, put
//! `cargo run --features cli,emulator -- local-azure --` before that. Then ask it:
//! `curl localhost:8080/`, `curl localhost:8080/healthz` and `curl localhost:8080/metrics`.

mod common;

use std::{process::ExitCode, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use common::{Failure, exit, report};
use deadpool_postgres::Pool;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use postgres_entra::{Connector, TokenCache, metrics, pool};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How long a request waits for a connection.
const LIMIT: Duration = Duration::from_secs(5);

type Answer = (StatusCode, Json<Value>);

#[derive(Clone)]
struct Service {
    connector: Connector,
    pool: Pool,
    metrics: PrometheusHandle,
}

/// In seconds, as OpenTelemetry advises for the times of database clients.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    let connect_time = Matcher::Full(metrics::CONNECT_TIME.to_owned());
    let exporter = PrometheusBuilder::new().set_buckets_for_metric(connect_time, &BUCKETS)?;
    let exporter = exporter.install_recorder()?;
    metrics::describe();
    let connector = Connector::builder().deadline(LIMIT * 9 / 10).build()?;
    let pool = pool::deadpool::builder(&connector)
        .wait_timeout(Some(LIMIT))
        .create_timeout(Some(LIMIT))
        .build()?;
    let service = Service { connector, pool: pool.clone(), metrics: exporter };
    let routes = Router::new().route("/", get(home)).route("/healthz", get(health)).route(
        "/metrics",
        get(|State(service): State<Service>| async move { service.metrics.render() }),
    );

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes.with_state(service)).with_graceful_shutdown(stop()).await?;
    pool.close();
    println!("stopped");
    Ok(())
}

/// Asks the database who is there.
async fn home(State(service): State<Service>) -> Answer {
    match current_user(&service.pool).await {
        Ok(user) => (StatusCode::OK, Json(json!({ "user": user }))),
        Err(error) => {
            report(&error);
            let answer = json!({ "error": "the database can't be reached" });
            (StatusCode::SERVICE_UNAVAILABLE, Json(answer))
        }
    }
}

async fn current_user(pool: &Pool) -> Result<String, Failure> {
    let client = pool.get().await?;
    Ok(client.query_one("SELECT current_user::text", &[]).await?.get(0))
}

/// Reads what is known and asks nobody. Unhealthy when there is no valid token although one was asked
/// for; a failed renewal alone is not, since the held token goes on serving.
async fn health(State(service): State<Service>) -> Answer {
    let pool = service.pool.status();
    let token = service.connector.token_cache().map(TokenCache::stats).unwrap_or_default();
    let has_token = token.expires_in.is_some_and(|left| !left.is_zero());
    let healthy = has_token || token.failures_in_a_row == 0;
    let answer = json!({
        "token": {
            "age_s": token.token_age.map(|age| age.as_secs()),
            "expires_in_s": token.expires_in.map(|left| left.as_secs()),
            "failures_in_a_row": token.failures_in_a_row,
            "last_error": token.last_error.map(|error| error.to_string()),
        },
        "pool": {
            "size": pool.size,
            "max_size": pool.max_size,
            "available": pool.available,
            "waiting": pool.waiting,
        },
    });
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(answer))
}

/// Waits for Ctrl-C or, where there is such a thing, for the SIGTERM that announces a stop.
async fn stop() {
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate())?.recv().await;
        std::io::Result::Ok(())
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<std::io::Result<()>>();
    // A signal that can't be waited for ends the service too: better than one that can't be stopped.
    let _ = tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        terminated = terminate => terminated,
    };
}
