//! The local Azure: its endpoints over raw sockets, its server through tokio-postgres alone.

mod app_service;
mod entra;
mod faults;
mod hosts;
mod imds;
mod lifecycle;
mod sdks;
mod server;
mod support;
mod vars;
