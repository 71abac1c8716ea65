//! libpq, by way of diesel and of connection strings of one's own.

use ::diesel::{Connection, ConnectionError, PgConnection, RunQueryDsl, dsl::sql, sql_types::Text};
use postgres_entra::emulator::{Login, Platform};

use crate::support::{builder, child, shared_azure, threads::on_a_thread};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

fn user_of(connection: &mut PgConnection) -> String {
    ::diesel::select(sql::<Text>("current_user::text")).get_result(connection).unwrap()
}

/// Not even where the process is set up to send every program of libpq elsewhere.
#[tokio::test]
async fn a_connection_string_leads_to_its_server_whatever_the_environment_says() {
    const TEST: &str = "a_connection_string_leads_to_its_server_whatever_the_environment_says";
    if child::part().is_some() {
        let conninfo = std::env::var("TEST_CONNINFO").unwrap();
        let user = on_a_thread(move || user_of(&mut PgConnection::establish(&conninfo).unwrap()));
        assert_eq!(user.await, std::env::var("TEST_ROLE").unwrap());
        return;
    }
    let azure = shared_azure();
    let connector = builder(azure, LOGIN).build().unwrap();
    let conninfo = connector.libpq_variables().await.unwrap().conninfo();
    let mut command = child::command(module_path!(), TEST, "libpq");
    command
        .env("TEST_CONNINFO", conninfo.expose())
        .env("TEST_ROLE", azure.server().role(LOGIN))
        .env("PGHOST", "192.0.2.1")
        .env("PGHOSTADDR", "192.0.2.1")
        .env("PGPORT", "1")
        .env("PGUSER", "nobody")
        .env("PGDATABASE", "nowhere")
        .env("PGPASSWORD", "x")
        .env("PGSSLMODE", "disable")
        .env("PGSSLROOTCERT", "/absent")
        .env("PGOPTIONS", "-c no_such_setting=1")
        .env("PGTARGETSESSIONATTRS", "standby")
        .env("PGCHANNELBINDING", "require")
        .env("PGCONNECT_TIMEOUT", "2");
    child::passes(command).await;
}

#[tokio::test]
async fn a_pool_is_told_of_a_broken_connection_and_of_an_open_transaction() {
    use ::diesel::connection::{SimpleConnection, TransactionManager};
    use postgres_entra::blocking::{self, diesel::ConnectionManager};
    use r2d2::ManageConnection;

    let connector = builder(shared_azure(), LOGIN).build().unwrap();
    on_a_thread(move || {
        let manager = ConnectionManager::new(&blocking::Connector::new(&connector));
        let mut connection = manager.connect().unwrap();
        manager.is_valid(&mut connection).unwrap();
        assert!(!manager.has_broken(&mut connection));
        <PgConnection as Connection>::TransactionManager::begin_transaction(&mut connection)
            .unwrap();
        assert!(manager.has_broken(&mut connection));

        let mut connection = manager.connect().unwrap();
        let end = "SELECT pg_terminate_backend(pg_backend_pid())";
        assert!(connection.batch_execute(end).is_err());
        assert!(manager.is_valid(&mut connection).unwrap_err().is_transient());
    })
    .await;
}

/// What the classification rests on: diesel hands on libpq's text.
#[tokio::test]
async fn libpq_says_who_speaks() {
    let connector = builder(shared_azure(), LOGIN).build().unwrap();
    let conninfo = connector.libpq_variables().await.unwrap().conninfo();
    let conninfo = conninfo.expose().replace("dbname='", "dbname='absent_");
    let error = on_a_thread(move || PgConnection::establish(&conninfo).err()).await;
    let Some(ConnectionError::BadConnection(text)) = error else { panic!("{error:?}") };
    assert!(text.contains("FATAL:  database \"absent_"), "{text}");
}
