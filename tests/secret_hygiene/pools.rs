//! What each pool shows, and what it and its driver log, while logins work and while they fail.

use std::{future::ready, time::Duration};

use bb8::Pool as Bb8Pool;
use diesel_async::{AsyncPgConnection, pooled_connection::deadpool::Pool as DieselPool};
use postgres_entra::{
    Connector, TokenErrorKind,
    emulator::{ClientType, IdentityFault, LocalAzure, Login, ServerFault},
    pool::{self, bb8::ConnectionManager, sqlx::EntraPgPool},
    source,
};
use sqlx::postgres::PgPoolOptions;

use super::{Shown, support::builder};
use crate::support::leaks::Secrets;

/// More than a login takes that is expected to succeed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Enough for one login that fails.
const HASTE: Duration = Duration::from_millis(400);

pub(crate) async fn show_all(azure: &LocalAzure, shown: &Shown, secrets: &mut Secrets) {
    for login in [Login::ServicePrincipal, Login::Password] {
        let connector = builder(azure, login).build().unwrap();
        let pools = Pools { connector: &connector, limit: PATIENCE, shown };
        assert_eq!(pools.connected().await, 4, "{login:?}");
        let mut secret = azure.server().role_password().to_owned();
        let mut hasty = builder(azure, login).deadline(HASTE);
        if let Some(tokens) = connector.token_cache() {
            let token = tokens.token().await.unwrap();
            token.secret().clone_into(&mut secret);
            secrets.add_jwt("token of a pool", &secret);
            // The server below knows this token alone, so it is sent again after a refusal, too.
            hasty = hasty.token_source(source::from_fn(move |_| ready(Ok(token.clone()))));
        }
        let pools = Pools { connector: &hasty.build().unwrap(), limit: 2 * HASTE, shown };
        for fault in [ServerFault::CloseAfterPassword, ServerFault::refuse("28P01", "not you")] {
            azure.server().set_fault(Some(fault));
            assert_eq!(pools.connected().await, 0, "{login:?}");
        }
        // The server's words reach the user of sqlx without passing through this crate, which takes the
        // secret out of them.
        azure.server().set_fault(Some(ServerFault::refuse("28000", format!("I know {secret}"))));
        assert_eq!(pools.connected_without_sqlx().await, 0, "{login:?}");
        azure.server().set_fault(None);
    }
    identity_failure(azure, shown).await;
}

/// An identity service that repeats what it was asked.
async fn identity_failure(azure: &LocalAzure, shown: &Shown) {
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Other);
    let (_, secret) = vars.iter().find(|(name, _)| name.ends_with("CLIENTSECRET")).unwrap();
    let reply = serde_json::json!({ "error": "invalid_client", "error_description": secret });
    let fault = IdentityFault::reply(401, "application/json", reply.to_string());
    azure.identity_service().set_fault(Some(fault));
    let connector = builder(azure, Login::ServicePrincipal).build().unwrap();
    let pools = Pools { connector: &connector, limit: 2 * HASTE, shown };
    assert_eq!(pools.connected().await, 0);
    let last = connector.token_cache().unwrap().stats().last_error.unwrap();
    assert_eq!(last.kind(), TokenErrorKind::Denied);
    azure.identity_service().set_fault(None);
}

/// A pool of each kind, made anew for each time that it is asked for a connection.
struct Pools<'a> {
    connector: &'a Connector,
    limit: Duration,
    shown: &'a Shown,
}

impl Pools<'_> {
    /// How many of the four gave a connection. All that can be printed is shown.
    async fn connected(&self) -> usize {
        self.connected_without_sqlx().await + usize::from(self.sqlx().await)
    }

    async fn connected_without_sqlx(&self) -> usize {
        let connected = [self.deadpool().await, self.bb8().await, self.diesel_async().await];
        connected.into_iter().filter(|&connected| connected).count()
    }

    async fn deadpool(&self) -> bool {
        let builder = pool::deadpool::builder(self.connector);
        self.shown.debug(&builder);
        let pool = builder.build().unwrap();
        let connection = pool.get().await;
        self.shown.debug(&(&pool, pool.manager(), &connection));
        connection.map_err(|error| self.shown.error(&error)).is_ok()
    }

    async fn bb8(&self) -> bool {
        let manager = ConnectionManager::new(self.connector);
        let errors = manager.error_log();
        self.shown.debug(&manager);
        let builder = Bb8Pool::builder().max_size(1).connection_timeout(self.limit);
        let pool = builder.error_sink(Box::new(errors.clone())).build_unchecked(manager);
        let connection = pool.get().await;
        self.shown.debug(&(&pool, &errors, &connection));
        if let Some(error) = errors.last_error() {
            self.shown.error(&*error);
        }
        connection.map_err(|error| self.shown.error(&error)).is_ok()
    }

    /// Neither its pool nor its connection has a `Debug`.
    async fn diesel_async(&self) -> bool {
        let manager = pool::diesel_async::manager(self.connector);
        self.shown.debug(&manager);
        let pool = DieselPool::<AsyncPgConnection>::builder(manager).max_size(1).build().unwrap();
        pool.get().await.map_err(|error| self.shown.error(&error)).is_ok()
    }

    /// Without the options of the pool, which `sqlx_shows_the_password_in_its_options` is about.
    async fn sqlx(&self) -> bool {
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(self.limit);
        let pool = match EntraPgPool::open(self.connector, options).await {
            Ok(pool) => pool,
            Err(error) => {
                self.shown.error(&error);
                return false;
            }
        };
        let one = sqlx::query("SELECT 1").execute(&*pool).await;
        self.shown.debug(&(&pool, &*pool, &one, pool.acquire().await));
        one.map_err(|error| self.shown.error(&error)).is_ok()
    }
}

/// The one place in which a driver prints the secret: sqlx's own type, which holds it in plain text. When
/// this fails, it no longer does, and the options can be shown with the rest.
#[tokio::test]
async fn sqlx_shows_the_password_in_its_options() {
    let azure = super::support::shared_azure();
    let connector = builder(azure, Login::WorkloadIdentity).build().unwrap();
    let pool = EntraPgPool::open(&connector, PgPoolOptions::new()).await.unwrap();
    let token = connector.token_cache().unwrap().token().await.unwrap();
    assert!(format!("{:?}", pool.connect_options()).contains(token.secret()));
    assert!(!format!("{pool:?} {:?}", *pool).contains(token.secret()));
}
