//! The settings in tokio-postgres' terms.

use tokio_postgres::{Config, config};

use crate::config::{ChannelBinding, Settings, SslNegotiation, TargetSessionAttrs};

/// Everything but host, user and password, which each login adds to a copy of its own: a token must
/// not stay in a configuration that outlives the login.
pub(in crate::connector) fn driver_config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        .ssl_mode(match settings.uses_tls() {
            true => config::SslMode::Require,
            false => config::SslMode::Disable,
        })
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
            // The driver does not know the latter; the connector looks after them itself.
            TargetSessionAttrs::Any
            | TargetSessionAttrs::Primary
            | TargetSessionAttrs::Standby
            | TargetSessionAttrs::PreferStandby => config::TargetSessionAttrs::Any,
            TargetSessionAttrs::ReadWrite => config::TargetSessionAttrs::ReadWrite,
            TargetSessionAttrs::ReadOnly => config::TargetSessionAttrs::ReadOnly,
        });
    set_session(&mut config, settings);
    set_sockets(&mut config, settings);
    config
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::SslMode, identity::Identity};

    #[test]
    fn tls_is_required_unless_a_password_goes_without() {
        use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
        for mode in [Disable, Allow, Prefer, Require, VerifyCa, VerifyFull] {
            for identity in [Identity::SystemAssigned, Identity::Password("x".into())] {
                let by_password = !identity.uses_token();
                let settings = Settings::new("localhost", identity).with_ssl_mode(mode);
                let expected = match (by_password, mode) {
                    (true, Disable) => config::SslMode::Disable,
                    _ => config::SslMode::Require,
                };
                assert_eq!(driver_config(&settings).get_ssl_mode(), expected, "{mode:?}");
            }
        }
    }

    #[test]
    fn nothing_of_a_login_is_in_the_configuration() {
        let settings = Settings::new("localhost", Identity::Password("x".into())).with_user("me");
        let config = driver_config(&settings);
        assert_eq!((config.get_user(), config.get_password()), (None, None));
        assert!(config.get_hosts().is_empty());
    }
}
