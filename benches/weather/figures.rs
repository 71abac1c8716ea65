//! What the process holds, as the kernel tells it (Linux).

use std::{fmt, fs};

use tokio::runtime::Handle;

#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Resident memory, in KiB. The local Azure and the workers are in it.
    pub memory: u64,
    pub threads: usize,
    pub sockets: usize,
    /// Tasks of the runtime that the pools have.
    pub tasks: usize,
}

impl Figures {
    pub fn now() -> Self {
        Self {
            memory: memory().unwrap_or_default(),
            threads: fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
            sockets: sockets().unwrap_or_default(),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }
}

fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn sockets() -> Option<usize> {
    let files = fs::read_dir("/proc/self/fd").ok()?.flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    Some(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, threads, sockets, tasks } = self;
        let memory = *memory as f64 / 1024.0;
        write!(f, "{memory:7.1} MiB, {threads:3} threads, {sockets:3} sockets, {tasks:3} tasks")
    }
}
