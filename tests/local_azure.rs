//! The local Azure: its endpoints over raw sockets, its server through tokio-postgres alone.

#![cfg(unix)]

mod common;

#[path = "local_azure/app_service.rs"]
mod app_service;
#[path = "local_azure/entra.rs"]
mod entra;
#[path = "local_azure/faults.rs"]
mod faults;
#[path = "local_azure/imds.rs"]
mod imds;
#[path = "local_azure/lifecycle.rs"]
mod lifecycle;
#[path = "local_azure/server.rs"]
mod server;
#[path = "local_azure/support.rs"]
mod support;
#[path = "local_azure/vars.rs"]
mod vars;
