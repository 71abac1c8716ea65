//! A private PostgreSQL cluster, reachable through a Unix socket alone.

mod folder;
mod programs;
mod supervisor;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    net::UnixStream,
    time::{sleep, timeout},
};
use tokio_postgres::{Client, Config, NoTls};

use self::{folder::PrivateFolder, supervisor::Supervisor};
use super::{EmulatorError, lock};
use crate::environment::Environment;

/// How long the server may take until it accepts connections.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Short against the 150 ms that a server takes to come up.
const READY_POLL: Duration = Duration::from_millis(10);
/// How many lines of the server's log an error shows.
const LOG_TAIL: usize = 20;

/// The name of the cluster's superuser.
pub(crate) const SUPERUSER: &str = "postgres";

/// A running cluster. Dropping it stops the server, removes the folder and waits for both.
pub(crate) struct Cluster {
    supervisor: Supervisor,
    /// After the supervisor, so that it is removed even where the shell could not do so.
    folder: PrivateFolder,
    /// A superuser's connection to the database `postgres`, so that each login need not make one.
    administration: Mutex<Option<Arc<Client>>>,
}

impl Cluster {
    /// Makes a cluster with the server programs of this machine and starts its server.
    pub(crate) async fn start(environment: &Environment) -> Result<Self, EmulatorError> {
        let programs = programs::find(environment)?;
        let folder = PrivateFolder::create(environment)?;
        let supervisor = Supervisor::spawn(&programs, &folder, environment)?;
        let cluster = Self { supervisor, folder, administration: Mutex::default() };
        let launched = cluster.supervisor.launched().await;
        cluster.ready(launched).await?;
        Ok(cluster)
    }

    /// Stops the server, which ends all sessions, and starts it again.
    pub(crate) async fn restart(&self) -> Result<(), EmulatorError> {
        let launched = self.supervisor.restart().await;
        self.ready(launched).await
    }

    /// The private folder, which also holds the socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that lives as long as the cluster.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, EmulatorError> {
        self.folder.write(name, text)
    }

    /// A connection to the server, with nothing sent yet.
    pub(crate) async fn dial(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.folder().join(".s.PGSQL.5432")).await
    }

    /// Runs statements as superuser.
    pub(crate) async fn execute(&self, database: &str, sql: &str) -> Result<(), EmulatorError> {
        let client = self.superuser(database).await.map_err(EmulatorError::Sql)?;
        client.batch_execute(sql).await.map_err(EmulatorError::Sql)
    }

    /// The superuser's connection that is kept to the database `postgres`.
    pub(crate) async fn administration(&self) -> Result<Arc<Client>, tokio_postgres::Error> {
        let kept = lock(&self.administration).clone().filter(|client| !client.is_closed());
        match kept {
            Some(client) => Ok(client),
            None => self.new_administration().await,
        }
    }

    /// A new one, which is kept in place of the one before.
    pub(crate) async fn new_administration(&self) -> Result<Arc<Client>, tokio_postgres::Error> {
        let client = Arc::new(self.superuser(SUPERUSER).await?);
        *lock(&self.administration) = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn superuser(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = Config::new()
            .host_path(self.folder())
            .user(SUPERUSER)
            .dbname(database)
            .connect(NoTls)
            .await?;
        // Ends with the client; an error is the client's to report.
        tokio::spawn(connection);
        Ok(client)
    }

    async fn ready(&self, launched: bool) -> Result<(), EmulatorError> {
        if !launched {
            return Err(self.failure("initialise"));
        }
        let answers = async {
            while self.superuser(SUPERUSER).await.is_err() {
                sleep(READY_POLL).await;
            }
        };
        timeout(READY_LIMIT, answers).await.map_err(|_| self.failure("accept connections"))
    }

    fn failure(&self, step: &'static str) -> EmulatorError {
        let log = fs::read(self.folder().join("server.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL)..];
        EmulatorError::Cluster { step, log: tail.join("\n") }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// `initdb` refuses to work with a `postgres` of another kind beside it.
    #[tokio::test]
    async fn a_cluster_that_cannot_be_made_is_an_error_with_the_end_of_the_log() {
        let real = programs::find(&Environment::process()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let readable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), readable).unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for name in ["initdb", "postgres"] {
            fs::copy(real.join("initdb"), bin.join(name)).unwrap();
        }
        // Where the programs of a relocatable build look for their libraries.
        symlink(real.with_file_name("lib"), folder.path().join("lib")).unwrap();
        let name = bin.to_str().unwrap();
        let environment = Environment::from_vars([("POSTGRES_ENTRA_PG_BIN", name)]);
        let error = Cluster::start(&environment).await.err().unwrap().to_string();
        assert!(error.starts_with("the PostgreSQL server did not initialise"), "{error}");
        assert!(error.contains("initdb: error:"), "{error}");
    }
}
