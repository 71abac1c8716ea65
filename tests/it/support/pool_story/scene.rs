use std::{collections::BTreeSet, time::Duration};

use postgres_entra::{
    Connector, Settings, TokenCache,
    emulator::{ClientType, LocalAzure, Login, Platform},
};

use super::{PID, TestPool, answers_of_all};
use crate::support::eventually;

/// Longer than anything takes that is expected to succeed.
pub(super) const CHECKOUT_LIMIT: Duration = Duration::from_secs(10);

/// What a connector has unless a story says otherwise.
const DEADLINE: Duration = Duration::from_secs(30);

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

/// A pool, and a local Azure of its own.
pub(super) struct Scene<P> {
    pub(super) azure: LocalAzure,
    pub(super) connector: Connector,
    pub(super) pool: P,
    size: usize,
}

impl<P: TestPool> Scene<P> {
    pub(super) async fn open(azure: LocalAzure, size: usize) -> Self {
        let settings = settings(&azure);
        Self::open_with(azure, settings, DEADLINE, size, CHECKOUT_LIMIT).await
    }

    /// With a connector whose connects take no longer.
    pub(super) async fn open_with_deadline(
        azure: LocalAzure,
        size: usize,
        deadline: Duration,
    ) -> Self {
        let settings = settings(&azure);
        Self::open_with(azure, settings, deadline, size, CHECKOUT_LIMIT).await
    }

    pub(super) async fn open_as(
        azure: LocalAzure,
        role: &str,
        size: usize,
        limit: Duration,
    ) -> Self {
        let settings = settings(&azure).with_user(role);
        Self::open_with(azure, settings, DEADLINE, size, limit).await
    }

    async fn open_with(
        azure: LocalAzure,
        settings: Settings,
        deadline: Duration,
        size: usize,
        limit: Duration,
    ) -> Self {
        let vars = azure.vars(LOGIN, ClientType::Python);
        let tokens = Connector::from_vars(vars).unwrap().token_cache().unwrap().clone();
        let connector = Connector::builder()
            .settings(settings)
            .token_cache(tokens)
            .deadline(deadline)
            .build()
            .unwrap();
        let pool = P::open(&connector, size, limit).await;
        Self { azure, connector, pool, size }
    }

    pub(super) fn tokens(&self) -> &TokenCache {
        self.connector.token_cache().unwrap()
    }

    /// Time until the held token expires.
    pub(super) fn token_left(&self) -> Duration {
        self.tokens().stats().expires_in.unwrap_or_default()
    }

    /// Checks out all connections at once, which fills the pool, and returns their server processes.
    pub(super) async fn sessions(&self) -> BTreeSet<i64> {
        let sessions = answers_of_all(&self.pool, self.size, PID).await;
        assert_eq!(sessions.len(), self.size);
        sessions
    }

    /// Ends all sessions on the server, and waits until these are gone.
    pub(super) async fn kill(&self, sessions: &BTreeSet<i64>) {
        self.azure.server().disconnect_all().await.unwrap();
        sessions_ended(&self.azure, &one_of(sessions)).await;
    }

    pub(super) async fn close(self) {
        self.pool.close().await;
    }
}

fn settings(azure: &LocalAzure) -> Settings {
    let settings = Settings::from_vars(azure.vars(LOGIN, ClientType::Python)).unwrap();
    settings.with_user(azure.server().role(LOGIN))
}

/// The condition for [`sessions_ended`] that a session is one of these.
pub(super) fn one_of(sessions: &BTreeSet<i64>) -> String {
    let pids: Vec<_> = sessions.iter().map(ToString::to_string).collect();
    format!("pid IN ({})", pids.join(","))
}

/// Waits until the server has no session left for which the condition holds, except the superuser's:
/// the local Azure has some of its own.
pub(super) async fn sessions_ended(azure: &LocalAzure, condition: &str) {
    let check = format!(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' \
         AND usename <> 'postgres' AND {condition}) THEN RAISE 'a session is left'; END IF; END $$"
    );
    eventually("sessions end", async || azure.server().execute(&check).await.is_ok()).await;
}
