//! The processes of the server, and how they are made to hang.

use std::{fs, time::Duration};

use postgres_entra::emulator::Server;
use tokio::process::Command;
use tokio_postgres::{Config, NoTls};

/// Sessions that have been there for a moment: one that is only coming may hold a lock which all need.
const SETTLED: &str = "backend_type = 'client backend' AND usename <> 'postgres' \
                       AND backend_start < now() - interval '1 second'";

/// Stops the sessions that are open, for this long.
pub async fn freeze_sessions(server: &Server, time: Duration) {
    let sessions = processes(server, SETTLED).await;
    freeze(&sessions, time).await;
}

/// Stops the server and all that belongs to it, for this long.
pub async fn freeze_all(server: &Server, time: Duration) {
    let lock_file = fs::read_to_string(server.socket_dir().join("data/postmaster.pid"));
    let lock_file = lock_file.expect("a running server");
    let mut all: Vec<_> = lock_file.lines().take(1).map(str::to_owned).collect();
    all.extend(processes(server, "true").await);
    freeze(&all, time).await;
}

/// How many sessions clients have.
pub async fn sessions(server: &Server) -> usize {
    processes(server, "backend_type = 'client backend' AND usename <> 'postgres'").await.len()
}

/// A shell does it, which also wakes them up if this program is stopped meanwhile.
async fn freeze(processes: &[String], time: Duration) {
    let script = "trap '' HUP INT TERM; seconds=$1; shift; \
                  kill -s STOP \"$@\"; sleep \"$seconds\"; kill -s CONT \"$@\"";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "freeze", &time.as_secs().to_string()]).args(processes);
    // Of processes that have ended meanwhile the shell says that there are none.
    let _ = shell.stderr(std::process::Stdio::null()).status().await;
}

/// The ids of the server's processes for which this holds, asked on the server's own socket.
async fn processes(server: &Server, condition: &str) -> Vec<String> {
    let mut config = Config::new();
    config.host_path(server.socket_dir()).user("postgres").dbname("postgres");
    let (client, connection) = config.connect(NoTls).await.expect("a session on the socket");
    let connection = tokio::spawn(connection);
    let query = format!(
        "SELECT pid::text FROM pg_stat_activity WHERE {condition} AND pid <> pg_backend_pid()"
    );
    let rows = client.query(&query, &[]).await.expect("the processes");
    drop(client);
    // Its end is no news.
    let _ = connection.await;
    rows.iter().map(|row| row.get(0)).collect()
}
