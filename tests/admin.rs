//! Administration of a real PostgreSQL, as the local Azure's Microsoft Entra administrator.
#![cfg(all(feature = "emulator", unix))]

mod common;

#[path = "admin/grants.rs"]
mod grants;
#[path = "admin/principals.rs"]
mod principals;
#[path = "admin/quoting.rs"]
mod quoting;
#[path = "admin/refusals.rs"]
mod refusals;
#[path = "admin/story.rs"]
mod story;
#[path = "admin/support.rs"]
mod support;
