//! Files that never answer, as on a mount that hangs: a FIFO that nobody writes to stands for them.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use postgres_entra::{
    Connector, Error, Identity, Settings, Stage, TokenSource, settings::Host,
    source::WorkloadIdentity,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::timeout};

/// What a busy machine may take for what takes no time.
const SOON: Duration = Duration::from_secs(4);

fn fifo(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    (folder, path)
}

/// The threads of this process that have this file open or wait to open it are named after what they do.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.trim_end() == name).count()
}

fn ends_soon(runtime: Runtime) {
    let start = Instant::now();
    drop(runtime);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_token_file_that_never_answers_costs_one_thread_and_holds_up_no_runtime() {
    let (_folder, file) = fifo("token");
    let source = WorkloadIdentity::new("contoso.example", "client", &file).unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            let fetch = source.fetch_token("scope");
            timeout(Duration::from_millis(50), fetch).await.expect_err("nobody writes");
        }
    });
    assert_eq!(threads("token-file"), 1);
    ends_soon(runtime);
    // Lets the thread go.
    fs::write(&file, "").unwrap();
}

#[test]
fn authorities_that_never_come_cost_one_thread_and_one_deadline() {
    let (_folder, file) = fifo("ca.pem");
    let host = Host::new("localhost", 1);
    let settings = Settings::for_hosts(vec![host], Identity::Password("not sent".into()))
        .with_user("app")
        .with_ssl_root_cert(&file);
    let limit = Duration::from_millis(300);
    let connector = Connector::builder().settings(settings).deadline(limit).build().unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            let start = Instant::now();
            let error = connector.connect().await.unwrap_err();
            assert!(matches!(error, Error::Timeout { stage: Stage::TlsSetup, .. }), "{error}");
            assert!(start.elapsed() < limit + SOON);
        }
    });
    ends_soon(runtime);
    fs::write(&file, "").unwrap();
}
