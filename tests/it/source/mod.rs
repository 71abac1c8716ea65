//! Token sources: their requests, what they make of the answers, and what holds under attack.

mod attempts;
#[cfg(all(feature = "azure-identity", unix))]
mod developer_tools;
mod faults;
#[cfg(all(feature = "emulator", unix))]
mod hosts;
#[cfg(all(feature = "emulator", target_os = "linux"))]
mod https;
mod proxies;
mod replies;
mod requests;
#[cfg(all(feature = "emulator", unix))]
mod token_proxy;
mod variables;
