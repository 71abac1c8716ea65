//! A variable that is set and can't be read never leaves the word to the next, which names another
//! server.

use std::{net::Ipv4Addr, time::Duration};

use crate::support::child;
use postgres_entra::{Connector, Environment, Error};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

const CONNECTION_STRING: &str = "AZURE_POSTGRESQL_CONNECTIONSTRING";

/// The other server: accepts, counts, and says nothing.
struct OtherServer {
    port: u16,
    dials: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl OtherServer {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (count, dials) = watch::channel(0);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.send_modify(|dials| *dials += 1);
                drop(stream);
            }
        });
        Self { port, dials, task }
    }

    /// Both ways to name it beside a connection string.
    fn variables(&self) -> [Vec<(String, String)>; 2] {
        let port = self.port;
        let libpq = [
            ("PGHOST", "localhost".to_owned()),
            ("PGHOSTADDR", "127.0.0.1".to_owned()),
            ("PGPORT", port.to_string()),
            ("PGUSER", "other".to_owned()),
            ("PGPASSWORD", "x".to_owned()),
        ];
        let url = format!("postgres://other:x@localhost:{port}/d?hostaddr=127.0.0.1");
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        [libpq.map(named).into(), [("DATABASE_URL", url)].map(named).into()]
    }

    fn dials(&self) -> usize {
        *self.dials.borrow()
    }
}

impl Drop for OtherServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(vars: Vec<(String, String)>) -> Result<(), Error> {
    let connector = Connector::builder()
        .environment(Environment::from_vars(vars))
        .deadline(Duration::from_millis(300));
    connector.build()?.connect().await.map(drop)
}

#[tokio::test]
async fn the_other_server_is_dialled_where_nothing_else_is_set() {
    for number in 0..2 {
        let mut other = OtherServer::start().await;
        let connector = Connector::builder()
            .environment(Environment::from_vars(other.variables()[number].clone()))
            .deadline(Duration::from_secs(60))
            .build()
            .unwrap();
        tokio::select! {
            outcome = connector.connect() => panic!("{outcome:?}"),
            dialled = other.dials.changed() => dialled.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_string_that_cannot_be_read_never_leads_to_another_server() {
    let strings = [
        // Pairs that are separated in two ways, or as for another grammar.
        "user=u host=a.example;",
        "user=aad_app dbname=orders sslmode=require host=a.example;",
        "host=a.example user=u;",
        "user=u;host=a.example",
        "user=u;dbname=d;password=p",
        "password = p user = u host = a.example;",
        "options=-c geqo=off user = u host = a.example;",
        "database = d user = u host = a.example",
        // Words of other drivers and tools.
        "Database=d;Data Source=a.example;User Id=u;Password=p",
        "Data Source=a.example;Initial Catalog=d;User=u;Password=p",
        "Host=a.example;Database=d;User=u;SSL Mode=Require",
        "Hostname=a.example;Username=u;Password=p",
        "DSN=a;UID=u;PWD=p",
        "Server=a.example;User Id=u;Passwort=p",
        "Server=a.example;User Id=u;Password=Pa;ss=1;Ssl Mode=Require;",
        "jdbc:otel:postgresql://a.example/d",
        // What a resolver or a driver would take for another server.
        "Server=a.example,1433;User Id=u;Password=p",
        "Host=127.1;Username=u;Password=p",
        "host=2130706433 user=u password=p",
        "postgres://u:p@0x7f000001/d",
        "jdbc:postgresql:a.example/d?user=u&password=p",
        "jdbc:postgresql://fd00::4:5432/d?user=u&password=p&port=5432",
        "postgres://u:p@,/d",
        "jdbc:postgresql:a.example?user=u&password=p",
        "jdbc:postgresql:///d?user=u&password=p&socketFactory=com.example.Factory",
        // URLs that go on as those of SQL Server do.
        "jdbc:postgresql://a.example/d;user=u;password=p",
        "jdbc:postgresql://a.example/d?user=u;password=p",
        "jdbc:postgresql://a.example/d&user=u&password=p",
        "postgres://a.example/d&sslmode=require",
        "postgres://a.example/d;password=p",
        "postgres://u@a.example/d?application_name=x;Pwd=p",
        // Nothing is stated, or no host.
        ";",
        "x==y=z",
        "Pooling=true;Maximum Pool Size=10",
        "postgres://",
        "jdbc:postgresql:///",
        "Host=;Username=u;Password=p",
        "host='' user=u password=p",
        // References that nobody resolved.
        "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
        "User Id=u;Password=@Microsoft.KeyVault(VaultName=v;SecretName=s)",
        "user=u password=secretref:pg",
        "Host=${DB_HOST:-db};Username=u;Password=p",
        "Host=[your_host];Username=u;Password=p",
        "postgres://u:********@/d",
        "postgres://u:akvs%3A%2F%2Fs%2Fv%2Fp@/d",
    ];
    let other = OtherServer::start().await;
    for string in strings {
        for beside in other.variables() {
            let mut vars = beside;
            vars.push((CONNECTION_STRING.to_owned(), string.to_owned()));
            assert_refused(connect(vars).await, CONNECTION_STRING, string);
        }
    }
    for (name, value) in [
        ("spring.datasource.url", "jdbc:otel:postgresql://a.example/d"),
        ("SPRING_DATASOURCE_URL", "jdbc:p6spy:postgresql://a.example/d"),
        ("spring_datasource_url", "jdbc:POSTGRES://a.example/d"),
        ("spring_datasource_url", "jdbc:pgsql://a.example/d"),
        ("spring.datasource.url", "jdbc:postgresql:///"),
        ("POSTGRESQLCONNSTR_AZURE_POSTGRESQL", "Data Source=a.example;User Id=u"),
        ("AZURE_POSTGRESQL_PASSWORD", "@Microsoft.KeyVault(SecretUri=https://v/secrets/s)"),
    ] {
        for beside in other.variables() {
            let mut vars = beside;
            vars.push((name.to_owned(), value.to_owned()));
            assert_refused(connect(vars).await, name, value);
        }
    }
    assert_eq!(other.dials(), 0);
}

fn assert_refused(result: Result<(), Error>, variable: &str, value: &str) {
    match result {
        Err(Error::Config(error)) => {
            assert_eq!(error.variable(), Some(variable), "{value}: {error}");
        }
        other => panic!("{value}: {other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_variable_that_is_not_unicode_never_leads_to_another_server() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};

    const TEST: &str = "a_variable_that_is_not_unicode_never_leads_to_another_server";
    if child::part().is_some() {
        let connector = Connector::builder().deadline(Duration::from_millis(300)).build();
        match connector.map(drop) {
            Ok(()) => println!("accepted"),
            Err(error) => println!("refused: {error}"),
        }
        return;
    }
    for name in [
        CONNECTION_STRING,
        "AZURE_POSTGRESQL_HOST",
        "AZURE_POSTGRESQL_PASSWORD",
        "POSTGRESQLCONNSTR_AZURE_POSTGRESQL",
        "spring.datasource.url",
    ] {
        let mut command = child::bare_command(module_path!(), TEST, "build");
        command.env("DATABASE_URL", "postgres://u:p@h/d");
        command.env(name, OsString::from_vec(b"host=\xff".to_vec()));
        let shown = child::passes(command).await;
        assert!(shown.contains(&format!("refused: {name}: is not Unicode")), "{name}: {shown}");
    }
}
