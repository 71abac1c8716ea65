//! The credentials of the Azure SDK: the only place that sees its crates.

mod bounded_executor;
mod credential;
mod developer_tools;

pub use credential::Credential;
pub use developer_tools::DeveloperTools;
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) use developer_tools::failures_of_tools;
