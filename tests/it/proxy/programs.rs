//! Programs as they are installed, none of which knows of Entra.

use std::{path::Path, process::Stdio};

use postgres_entra::emulator::IdentityFault;
use tokio::{io::AsyncReadExt, process::Command};

use super::*;
use crate::support::{eventually, shared_azure, skip_without, sleeps};

impl Scene {
    /// A program with the variables that lead to the port.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.proxy.address().unwrap().port().to_string())
            .env("PGUSER", "anyone")
            .env("PGPASSWORD", PASSWORD)
            .env("PGDATABASE", "orders")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

fn is_installed(name: &str) -> bool {
    let found = std::process::Command::new(name).arg("--version").output().is_ok();
    if !found {
        skip_without(name);
    }
    found
}

/// What a program wrote; panics with its complaint if it failed.
async fn output(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of one statement, run by psql.
async fn psql(scene: &Scene, sql: &str) -> String {
    let output = output(scene.program("psql").args(["-XAtc", sql])).await;
    output.trim().to_owned()
}

#[tokio::test]
async fn psql_logs_in_on_both_sides_with_its_own_defaults() {
    if !is_installed("psql") {
        return;
    }
    let scene = scene(shared_azure()).await;
    assert_eq!(psql(&scene, "SELECT current_user").await, "aad_app");
    let mut command = scene.program("psql");
    command.env_remove("PGPORT").env_remove("PGPASSWORD").env("PGHOST", &scene.folder);
    let user = output(command.args(["-XAtc", "SELECT current_user"])).await;
    assert_eq!(user.trim(), "aad_app");
}

#[tokio::test]
async fn an_interrupt_in_psql_cancels_the_query() {
    if !is_installed("psql") {
        return;
    }
    let scene = scene(shared_azure()).await;
    let watcher = connect(&scene.socket()).await.unwrap();
    let mut command = scene.program("psql");
    let child = command.args(["-XAtc", "SELECT pg_sleep(60)"]).spawn().unwrap();
    sleeps(&watcher).await;
    let pid = child.id().unwrap().to_string();
    output(Command::new("kill").args(["-INT", &pid])).await;
    let complaint = child.wait_with_output().await.unwrap().stderr;
    let complaint = String::from_utf8_lossy(&complaint);
    assert!(complaint.contains("canceling statement due to user request"), "{complaint}");
}

#[tokio::test]
async fn a_dump_is_restored() {
    if !is_installed("pg_dump") || !is_installed("pg_restore") || !is_installed("psql") {
        return;
    }
    let azure = LocalAzure::start().await.unwrap();
    let scene = scene(&azure).await;
    psql(&scene, "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT i, repeat('é', 100) FROM generate_series(1, 20000) i").await;
    let sum = "SELECT count(*), sum(hashtext(t::text)) FROM s.t";
    let before = psql(&scene, sum).await;
    let file = scene.folder.with_file_name("dump");
    let dumped = Path::new(&file);
    output(scene.program("pg_dump").args(["-Fc", "-n", "s", "-f"]).arg(dumped)).await;
    psql(&scene, "DROP SCHEMA s CASCADE").await;
    output(scene.program("pg_restore").args(["-d", "orders"]).arg(dumped)).await;
    assert_eq!(psql(&scene, sum).await, before);
}

#[tokio::test]
async fn pgbench_runs_in_each_of_its_modes_with_50_clients() {
    if !is_installed("pgbench") {
        return;
    }
    let azure = LocalAzure::builder().roles_may_create_tables().start().await.unwrap();
    let scene = scene(&azure).await;
    output(scene.program("pgbench").args(["-i", "-q"])).await;
    for mode in ["simple", "extended", "prepared"] {
        let mut command = scene.program("pgbench");
        let report =
            output(command.args(["-S", "-M", mode, "-c", "50", "-j", "2", "-t", "20"])).await;
        assert!(report.contains("transactions actually processed: 1000/1000"), "{mode}: {report}");
        assert!(report.contains("failed transactions: 0"), "{mode}: {report}");
    }
    assert_eq!(scene.proxy.stats().failed, 0);
    // Each of its start-ups opens a session more than it has clients.
    assert!(scene.proxy.stats().opened >= 150);
}

/// One pgbench keeps its sessions, another opens one a transaction; an error would end either.
#[tokio::test]
async fn pgbench_notices_neither_a_rotated_token_nor_an_outage_of_the_identity_service() {
    if !is_installed("pgbench") {
        return;
    }
    let azure = LocalAzure::builder().roles_may_create_tables().start().await.unwrap();
    let scene = scene(&azure).await;
    output(scene.program("pgbench").args(["-i", "-q"])).await;
    let bench = |arguments: &[&str]| {
        let mut command = scene.program("pgbench");
        command.args(["-n", "-S", "-c", "4"]).args(arguments).spawn().unwrap()
    };
    let mut stays = bench(&["-t", "1000000", "-R", "200"]);
    let comes_back = bench(&["-C", "-t", "25"]);
    let before = scene.proxy.stats().opened;
    let sessions = async |count| {
        let opened = async || scene.proxy.stats().opened >= before + count;
        eventually("sessions are opened", opened).await;
    };
    sessions(20).await;
    azure.server().reject_tokens_issued_before_now();
    sessions(50).await;
    azure.identity_service().set_fault(Some(IdentityFault::Outage));
    let report = comes_back.wait_with_output().await.unwrap();
    let shown = String::from_utf8_lossy(&report.stdout);
    assert!(shown.contains("transactions actually processed: 100/100"), "{report:?}");
    stays.start_kill().unwrap();
    let report = stays.wait_with_output().await.unwrap();
    assert_eq!(report.status.code(), None, "it worked on until it was killed: {report:?}");
    assert!(!String::from_utf8_lossy(&report.stderr).contains("aborted"), "{report:?}");
    assert_eq!(azure.identity_service().tokens_issued(), 2);
    assert_eq!(scene.proxy.stats().failed, 0);
}

/// The protocol of replication is another from the login on.
#[tokio::test]
async fn a_program_may_ask_for_replication() {
    if !is_installed("psql") {
        return;
    }
    let azure = LocalAzure::start().await.unwrap();
    azure.server().execute("ALTER ROLE aad_app REPLICATION").await.unwrap();
    let scene = scene(&azure).await;
    for replication in ["true", "database"] {
        let mut command = scene.program("psql");
        let conninfo = format!("replication={replication}");
        let system = output(command.args([&conninfo, "-XAtc", "IDENTIFY_SYSTEM"])).await;
        let database = if replication == "database" { "orders" } else { "" };
        assert!(system.trim().ends_with(&format!("|{database}")), "{system}");
    }
}

#[tokio::test]
async fn the_servers_log_can_be_received() {
    if !is_installed("pg_receivewal") || !is_installed("psql") {
        return;
    }
    let azure = LocalAzure::start().await.unwrap();
    azure.server().execute("ALTER ROLE aad_app REPLICATION").await.unwrap();
    let scene = scene(&azure).await;
    psql(&scene, "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT generate_series(1, 10000)").await;
    let end = psql(&scene, "SELECT pg_current_wal_lsn()").await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = scene.program("pg_receivewal");
    output(command.args(["--no-loop", "--endpos", &end, "-D"]).arg(folder.path())).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "one segment");
}

/// As what carries changes to other systems does.
#[tokio::test]
async fn the_changes_in_a_database_can_be_received() {
    if !is_installed("pg_recvlogical") || !is_installed("psql") {
        return;
    }
    let azure = LocalAzure::start().await.unwrap();
    for statement in [
        "ALTER ROLE aad_app REPLICATION",
        "ALTER SYSTEM SET wal_level = logical",
        "CREATE PUBLICATION everything FOR ALL TABLES",
    ] {
        azure.server().execute(statement).await.unwrap();
    }
    azure.server().restart().await.unwrap();
    let scene = scene(&azure).await;
    let receive = async |arguments: &[&str]| {
        let mut command = scene.program("pg_recvlogical");
        output(command.args(["--dbname=orders", "--slot=changes"]).args(arguments)).await
    };
    receive(&["--create-slot", "--plugin=pgoutput"]).await;
    let insert = "CREATE TABLE s.t (text text); INSERT INTO s.t VALUES ('a new row')";
    psql(&scene, &format!("CREATE SCHEMA s; {insert}")).await;

    let mut command = scene.program("pg_recvlogical");
    command.args(["--dbname=orders", "--slot=changes", "--start", "--no-loop", "--file=-"]);
    command.args(["--option=proto_version=1", "--option=publication_names=everything"]);
    let mut receiving = command.spawn().unwrap();
    let mut stream = receiving.stdout.take().unwrap();
    let mut changes = Vec::new();
    let received = async {
        while !String::from_utf8_lossy(&changes).contains("a new row") {
            assert_ne!(stream.read_buf(&mut changes).await.unwrap(), 0, "the end of the changes");
        }
    };
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, received).await.expect("the row");
}

#[tokio::test]
async fn psycopg_logs_in_and_cancels_and_copies() {
    const PROGRAM: &str = "
import psycopg
with psycopg.connect(autocommit=True) as connection:
    print(connection.execute('SELECT current_user || %s', ['!']).fetchone()[0])
    connection.execute('CREATE TEMP TABLE t (i int)')
    with connection.cursor().copy('COPY t FROM STDIN') as copy:
        for number in range(100000):
            copy.write_row([number])
    print(connection.execute('SELECT sum(i) FROM t').fetchone()[0])
    import threading
    threading.Timer(0.3, connection.cancel).start()
    try:
        connection.execute('SELECT pg_sleep(60)')
    except psycopg.errors.QueryCanceled:
        print('cancelled')
";
    let has_psycopg = std::process::Command::new("python3").args(["-c", "import psycopg"]).output();
    if !has_psycopg.is_ok_and(|output| output.status.success()) {
        return crate::support::skip("psycopg is not installed");
    }
    let scene = scene(shared_azure()).await;
    let printed = output(scene.program("python3").args(["-c", PROGRAM])).await;
    assert_eq!(printed, "aad_app!\n4999950000\ncancelled\n");
}
