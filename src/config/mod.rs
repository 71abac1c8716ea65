//! Connection settings, and the variables they are read from.
//!
//! `read` finds the variables (`service_connector`, `spring`, `libpq_environment`); each grammar
//! (`libpq`, `uri`, `jdbc`, `ado_net`) translates its strings to `parameters` in libpq's terms;
//! `identity` decides who logs in; `interpret` makes `Settings` of both; `validate` checks them.

mod ado_net;
mod authority;
mod format;
mod host;
mod identity;
mod interpret;
mod jdbc;
mod keywords;
mod libpq;
mod libpq_environment;
mod modes;
mod names;
mod origins;
mod parameters;
mod percent;
#[cfg(test)]
mod properties;
mod read;
mod references;
mod service_connector;
mod session_options;
mod settings;
mod spring;
mod uri;
mod validate;
mod variables;

pub use host::Host;
pub(crate) use modes::Choice;
pub use modes::{ChannelBinding, Keepalives, SslMode, SslNegotiation, TargetSessionAttrs};
pub use names::ConnectionNames;
pub use origins::Origin;
pub use settings::Settings;
