//! What each pool logs and shows of one login.

use std::time::Duration;

use crate::support::{
    WRONG_SECRET, builder, chain, log::Log, shared_azure, vars_with_wrong_secret,
};
use bb8::RunError;
use postgres_entra::{
    Connector,
    emulator::{Login, Platform},
    pool::{self, bb8::ConnectionManager, sqlx::EntraPgPool},
};
use sqlx::postgres::PgPoolOptions;

#[tokio::test]
async fn errors_of_bb8_are_logged_and_no_secret_is_shown() {
    let log = Log::of_process();
    let connector = Connector::from_vars(vars_with_wrong_secret(shared_azure())).unwrap();
    let manager = ConnectionManager::new(&connector);
    let errors = manager.error_log();
    let pool = bb8::Pool::builder()
        .max_size(1)
        .connection_timeout(Duration::from_secs(3))
        .error_sink(Box::new(errors.clone()))
        .build_unchecked(manager);
    assert!(matches!(pool.get().await, Err(RunError::TimedOut)));

    let text = log.text();
    let mut warnings = text.lines().filter(|line| line.contains("WARN postgres_entra::pool"));
    assert!(warnings.any(|line| line.contains("AADSTS7000215")), "{text}");
    let manager = ConnectionManager::new(&connector);
    let shown = format!("{text} {pool:?} {manager:?} {errors:?}");
    assert!(!shown.contains(WRONG_SECRET));
}

#[tokio::test]
async fn no_secret_is_shown_by_deadpool() {
    let log = Log::of_process();
    let connector = Connector::from_vars(vars_with_wrong_secret(shared_azure())).unwrap();
    let pool = pool::deadpool::builder(&connector).build().unwrap();
    let error = pool.get().await.unwrap_err();
    let shown = format!("{pool:?} {:?} {error:?} {} {}", pool.manager(), chain(&error), log.text());
    assert!(log.text().contains("AADSTS7000215"), "the log is live");
    assert!(!shown.contains(WRONG_SECRET));
}

#[tokio::test]
async fn neither_debug_nor_logs_of_sqlx_show_the_token() {
    let log = Log::of_process();
    let login = Login::SystemAssigned(Platform::AppService);
    let connector = builder(shared_azure(), login).build().unwrap();
    let options = PgPoolOptions::new().max_connections(1);
    let pool = EntraPgPool::open(&connector, options).await.unwrap();
    sqlx::query("SELECT 1").execute(&*pool).await.unwrap();

    let token = connector.token_cache().unwrap().token().await.unwrap();
    log.assert_records(&["postgres_entra::cache", "sqlx::query"]);
    let shown = format!("{pool:?} {}", log.text());
    assert!(shown.contains("Pool") && !shown.contains(token.secret()));
}
