//! The cache's state machine, from the library's own files, and a process around it.

#[path = "../../src/cache/held.rs"]
mod held;
#[path = "instance.rs"]
pub mod instance;
#[path = "../../src/cache/jitter.rs"]
mod jitter;
#[path = "../../src/cache/policy.rs"]
mod policy;
#[path = "../../src/cache/snapshot.rs"]
mod snapshot;
#[path = "../../src/cache/state.rs"]
mod state;
