//! Administration of a real PostgreSQL, as the local Azure's Microsoft Entra administrator.
#![cfg(all(feature = "emulator", unix))]

mod common;

#[path = "admin/concurrency.rs"]
mod concurrency;
#[path = "admin/grants.rs"]
mod grants;
#[path = "admin/hostile.rs"]
mod hostile;
#[path = "admin/principals.rs"]
mod principals;
#[path = "admin/quoting.rs"]
mod quoting;
#[path = "admin/refusals.rs"]
mod refusals;
#[path = "admin/revoking.rs"]
mod revoking;
#[path = "admin/story.rs"]
mod story;
#[path = "admin/support.rs"]
mod support;
