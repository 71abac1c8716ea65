//! The settings in tokio-postgres' terms.

use tokio_postgres::{Config, config};

use crate::{ChannelBinding, Identity, Settings, SslMode, SslNegotiation, TargetSessionAttrs};

/// Everything but host, user and password, which each login adds to a copy of its own: a token must
/// not stay in a configuration that outlives the login.
pub(super) fn driver_config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        .ssl_mode(ssl_mode(settings))
        .ssl_negotiation(match settings.ssl_negotiation() {
            SslNegotiation::Postgres => config::SslNegotiation::Postgres,
            SslNegotiation::Direct => config::SslNegotiation::Direct,
        })
        .channel_binding(match settings.channel_binding() {
            ChannelBinding::Disable => config::ChannelBinding::Disable,
            ChannelBinding::Prefer => config::ChannelBinding::Prefer,
            ChannelBinding::Require => config::ChannelBinding::Require,
        })
        .target_session_attrs(match settings.target_session_attrs() {
            TargetSessionAttrs::Any => config::TargetSessionAttrs::Any,
            TargetSessionAttrs::ReadWrite => config::TargetSessionAttrs::ReadWrite,
            TargetSessionAttrs::ReadOnly => config::TargetSessionAttrs::ReadOnly,
        });
    set_session(&mut config, settings);
    set_sockets(&mut config, settings);
    config
}

/// TLS is required whatever the settings say. The one exception is a password that somebody chose
/// to send without it, as to a server on the developer's own machine.
fn ssl_mode(settings: &Settings) -> config::SslMode {
    match (settings.identity(), settings.ssl_mode()) {
        (Identity::Password(_), SslMode::Disable) => config::SslMode::Disable,
        _ => config::SslMode::Require,
    }
}

fn set_session(config: &mut Config, settings: &Settings) {
    if let Some(database) = settings.database() {
        config.dbname(database);
    }
    if let Some(name) = settings.application_name() {
        config.application_name(name);
    }
    if let Some(options) = settings.options() {
        config.options(options);
    }
}

fn set_sockets(config: &mut Config, settings: &Settings) {
    if let Some(timeout) = settings.tcp_user_timeout() {
        config.tcp_user_timeout(timeout);
    }
    let keepalives = settings.keepalives();
    config.keepalives(keepalives.enabled);
    if let Some(idle) = keepalives.idle {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = keepalives.interval {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = keepalives.retries {
        config.keepalives_retries(retries);
    }
}
