//! Connection settings, and the variables they are read from.

mod settings;

pub use settings::{
    ChannelBinding, Host, Keepalives, Settings, SslMode, SslNegotiation, TargetSessionAttrs,
};
