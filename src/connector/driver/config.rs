//! The settings in tokio-postgres' terms.

use std::time::Duration;

use tokio_postgres::{Config, config};

use crate::config::{ChannelBinding, Settings, SslNegotiation, TargetSessionAttrs};

/// How long sent data may stay unacknowledged if the settings say nothing. Left alone, Linux sends it again
/// for 15 minutes, and whoever waits for the answer of a server that has vanished waits as long; a
/// failover takes a server of Azure's a minute or two.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(30);

/// When a connection on which nothing is sent is probed, if the settings say nothing. Who only listens for
/// notifications learns of a lost server by this alone. Azure's load balancers forget a connection after
/// 4 minutes without a packet, systems probe after two hours
/// ([source](https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset)).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// The time between probes that nobody answers, if the settings say nothing: after the first one a lost server is
/// noticed soon, and not after the 75 s that systems leave until the second.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

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
    let unacknowledged = settings.tcp_user_timeout().unwrap_or(UNACKNOWLEDGED_LIMIT);
    if !unacknowledged.is_zero() {
        config.tcp_user_timeout(unacknowledged);
    }
    let keepalives = settings.keepalives();
    config.keepalives(keepalives.enabled);
    config.keepalives_idle(keepalives.idle.unwrap_or(KEEPALIVE_IDLE));
    config.keepalives_interval(keepalives.interval.unwrap_or(KEEPALIVE_INTERVAL));
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
    fn a_server_that_vanishes_is_noticed_unless_the_settings_say_otherwise() {
        let settings = Settings::new("localhost", Identity::SystemAssigned);
        let config = driver_config(&settings);
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(30)));
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(60));
        assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(10)));
        let own = driver_config(&settings.clone().with_tcp_user_timeout(Duration::from_secs(7)));
        assert_eq!(own.get_tcp_user_timeout(), Some(&Duration::from_secs(7)));
        let off = driver_config(&settings.with_tcp_user_timeout(Duration::ZERO));
        assert_eq!(off.get_tcp_user_timeout(), None);
    }

    #[test]
    fn nothing_of_a_login_is_in_the_configuration() {
        let settings = Settings::new("localhost", Identity::Password("x".into())).with_user("me");
        let config = driver_config(&settings);
        assert_eq!((config.get_user(), config.get_password()), (None, None));
        assert!(config.get_hosts().is_empty());
    }
}
