//! The same pools without this crate, with a password that never changes.

use std::path::PathBuf;

use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{self, AsyncDieselConnectionManager, ManagerConfig},
};
use postgres_entra::emulator::LocalAzure;
use postgres_native_tls::MakeTlsConnector;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio_postgres::{Client, Config};

use crate::{
    common::azure::{LOGIN, build_native_tls, connect_fixed},
    pools::{Pool, SIZE, bb8_of, r2d2_of, sqlx_options},
};

/// Where to connect and as whom, and a TLS connector that is built once.
#[derive(Clone)]
pub(crate) struct FixedPassword {
    config: Config,
    tls: MakeTlsConnector,
    sqlx_options: PgConnectOptions,
}

impl FixedPassword {
    pub(crate) fn new(azure: &LocalAzure, config: Config) -> Self {
        let server = azure.server();
        let ca: PathBuf = azure.ca_certificate().to_owned();
        let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
        let sqlx_options = PgConnectOptions::new_without_pgpass()
            .host(&server.hostaddr().to_string())
            .port(server.port())
            .database(server.database())
            .username(server.role(LOGIN))
            .password(&password)
            .ssl_mode(PgSslMode::VerifyFull)
            .ssl_root_cert(&ca);
        Self { config, tls: MakeTlsConnector::new(build_native_tls(&ca)), sqlx_options }
    }

    pub(crate) async fn deadpool(&self) -> deadpool_postgres::Pool {
        let manager = deadpool_postgres::Manager::new(self.config.clone(), self.tls.clone());
        deadpool_postgres::Pool::builder(manager).max_size(SIZE).build().expect("a pool")
    }

    pub(crate) async fn bb8(&self) -> bb8::Pool<Self> {
        bb8_of(self.clone())
    }

    pub(crate) async fn diesel(&self) -> pooled_connection::deadpool::Pool<AsyncPgConnection> {
        let fixed = self.clone();
        let mut config = ManagerConfig::default();
        config.custom_setup = Box::new(move |_url| {
            let fixed = fixed.clone();
            Box::pin(async move {
                let connected = fixed.config.connect(fixed.tls).await;
                let (client, connection) = connected.expect("a connection");
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            })
        });
        let manager = AsyncDieselConnectionManager::new_with_config("", config);
        pooled_connection::deadpool::Pool::builder(manager).max_size(SIZE).build().expect("a pool")
    }

    pub(crate) fn r2d2(&self) -> r2d2::Pool<Self> {
        r2d2_of(self.clone())
    }

    pub(crate) async fn sqlx(&self) -> PgPool {
        sqlx_options().connect_lazy_with(self.sqlx_options.clone())
    }
}

/// Without a pool: each demand opens a connection.
impl Pool for FixedPassword {
    type Connection = Client;

    async fn take(&self) -> Client {
        connect_fixed(&self.config, self.tls.clone()).await
    }
}

impl r2d2::ManageConnection for FixedPassword {
    type Connection = postgres::Client;
    type Error = postgres::Error;

    fn connect(&self) -> Result<Self::Connection, Self::Error> {
        postgres::Config::from(self.config.clone()).connect(self.tls.clone())
    }

    fn is_valid(&self, client: &mut Self::Connection) -> Result<(), Self::Error> {
        client.batch_execute("")
    }

    fn has_broken(&self, client: &mut Self::Connection) -> bool {
        client.is_closed()
    }
}

impl bb8::ManageConnection for FixedPassword {
    type Connection = Client;
    type Error = tokio_postgres::Error;

    async fn connect(&self) -> Result<Client, Self::Error> {
        Ok(connect_fixed(&self.config, self.tls.clone()).await)
    }

    async fn is_valid(&self, client: &mut Client) -> Result<(), Self::Error> {
        client.check_connection().await
    }

    fn has_broken(&self, client: &mut Client) -> bool {
        client.is_closed()
    }
}
