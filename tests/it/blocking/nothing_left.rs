//! What is left of a connector in its process: nothing. In a process of its own, since other tests have
//! threads too.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use postgres_entra::blocking::{ConnectionManager, Connector};

use crate::support::{child, shared_azure};
use postgres_entra::emulator::{ClientType, Login, Platform};

/// The process's threads by name, and the files that it has open: a runtime has some.
fn census() -> (BTreeMap<String, usize>, Vec<String>) {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        // A thread may end while it is looked at.
        if let Ok(name) = fs::read_to_string(task.path().join("comm")) {
            *threads.entry(name.trim().to_owned()).or_default() += 1;
        }
    }
    // r2d2's own, which end with its next look at idle connections.
    threads.retain(|name, _| !name.starts_with("r2d2-worker"));
    let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let files = files.filter_map(|file| fs::read_link(file.path()).ok());
    (threads, files.map(|file| file.display().to_string()).collect())
}

/// Runs this test with a connector of its own in a process of its own, and sees what that leaves there.
fn leaves_nothing(test: &str, use_and_drop: fn(&Connector)) {
    if child::part().is_none() {
        let vars =
            shared_azure().vars(Login::SystemAssigned(Platform::AppService), ClientType::Python);
        let mut command = child::bare_command(module_path!(), test, "census");
        command.envs(vars);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(child::passes(command));
        return;
    }
    // The first runtime of a process opens a pair of sockets for signals that nobody closes.
    drop(tokio::runtime::Runtime::new().unwrap());
    let before = census();
    let connector = Connector::from_env().unwrap();
    assert_eq!(census(), before, "nothing starts before the first connect");

    use_and_drop(&connector);
    drop(connector);
    for _ in 0..500 {
        if census() == before {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    println!("before {before:?}, after {:?}", census());
    panic!("something is left");
}

/// A pool of three that has handed out one.
fn fill_and_drop_a_pool<M: r2d2::ManageConnection>(manager: M) {
    let pool = r2d2::Pool::builder().max_size(3).build(manager).unwrap();
    drop(pool.get().unwrap());
}

#[test]
fn no_thread_and_no_runtime_is_left_after_drop() {
    leaves_nothing("no_thread_and_no_runtime_is_left_after_drop", |connector| {
        let client = connector.connect().unwrap();
        assert!(census().0.contains_key("postgres-entra"));
        fill_and_drop_a_pool(ConnectionManager::new(connector));
        drop(client);
    });
}

#[cfg(feature = "diesel")]
#[test]
fn no_thread_and_no_runtime_is_left_after_diesels_drop() {
    use postgres_entra::blocking::diesel;

    leaves_nothing("no_thread_and_no_runtime_is_left_after_diesels_drop", |connector| {
        let connection = diesel::connect(connector).unwrap();
        assert!(census().0.contains_key("postgres-entra"));
        fill_and_drop_a_pool(diesel::ConnectionManager::new(connector));
        drop(connection);
    });
}
