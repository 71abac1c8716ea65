//! Connection settings, and the variables they are read from.
//!
//! Four rooms in the order of the data, each of which uses those after it: `variables` (which there are,
//! and who logs in), `connection_string` (the four grammars), `parameters` (all of it in libpq's terms)
//! and `settings` (values, modes, validation). `read` walks through them.

mod connection_string;
mod parameters;
#[cfg(test)]
mod property_tests;
mod read;
mod settings;
mod variables;

pub use settings::{
    ChannelBinding, Host, Keepalives, Origin, Settings, SslMode, SslNegotiation, TargetSessionAttrs,
};
pub(crate) use settings::{Choice, check_role_name};
pub use variables::ConnectionNames;
pub(crate) use variables::value_of;
