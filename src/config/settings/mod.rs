//! Settings: values, modes, and what every combination of them must fulfil.

mod host;
mod interpret;
mod modes;
mod origins;
mod setters;
mod validate;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) use self::interpret::{IdentityVariables, interpret};
use self::{host::DEFAULT_PORT, origins::Origins};
pub use self::{
    host::Host,
    modes::{ChannelBinding, Keepalives, SslMode, SslNegotiation, TargetSessionAttrs},
    origins::Origin,
};
pub(crate) use self::{modes::Choice, validate::check_role_name};
use crate::{cloud::Cloud, identity::Identity};

/// What a connection needs, apart from the token.
///
/// Read from variables by [`Settings::from_vars`](Settings::from_vars) or put together in code:
///
/// ```
/// use postgres_entra::{Identity, Settings};
///
/// let settings = Settings::new("contoso.postgres.database.azure.com", Identity::SystemAssigned)
///     .with_database("orders")
///     .with_user("aad_orders");
/// assert_eq!(settings.hosts()[0].port(), 5432);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    pub(in crate::config) hosts: Vec<Host>,
    pub(in crate::config) database: Option<String>,
    pub(in crate::config) user: Option<String>,
    pub(in crate::config) identity: Identity,
    pub(in crate::config) cloud: Option<Cloud>,
    pub(in crate::config) ssl_mode: SslMode,
    pub(in crate::config) ssl_negotiation: SslNegotiation,
    pub(in crate::config) ssl_root_cert: Option<PathBuf>,
    pub(in crate::config) channel_binding: ChannelBinding,
    pub(in crate::config) application_name: Option<String>,
    pub(in crate::config) options: Option<String>,
    pub(in crate::config) connect_timeout: Option<Duration>,
    pub(in crate::config) tcp_user_timeout: Option<Duration>,
    pub(in crate::config) keepalives: Keepalives,
    pub(in crate::config) target_session_attrs: TargetSessionAttrs,
    pub(in crate::config) load_balance_hosts: bool,
    origins: Origins,
    /// The variable of an identity that a password goes before.
    passed_over: Option<String>,
}

impl Settings {
    /// Settings for one server at port 5432, with everything else at its default.
    pub fn new(host: impl Into<String>, identity: Identity) -> Self {
        Self::for_hosts(vec![Host::new(host, DEFAULT_PORT)], identity)
    }

    /// Settings for several servers, tried in this order. A connector takes no empty list.
    pub fn for_hosts(hosts: Vec<Host>, identity: Identity) -> Self {
        Self {
            hosts,
            database: None,
            user: None,
            identity,
            cloud: None,
            ssl_mode: SslMode::default(),
            ssl_negotiation: SslNegotiation::default(),
            ssl_root_cert: None,
            channel_binding: ChannelBinding::default(),
            application_name: None,
            options: None,
            connect_timeout: None,
            tcp_user_timeout: None,
            keepalives: Keepalives::default(),
            target_session_attrs: TargetSessionAttrs::default(),
            load_balance_hosts: false,
            origins: Origins::default(),
            passed_over: None,
        }
    }

    /// The servers, in the order in which they are tried. Never empty in a
    /// [`Connector`](crate::Connector).
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Whether connections go over TLS, whatever else the settings say. The one exception is a password
    /// that somebody chose to send without it, as to a server on the developer's own machine.
    pub(crate) fn uses_tls(&self) -> bool {
        let by_password = matches!(self.identity, Identity::Password(_));
        !(by_password && self.ssl_mode == SslMode::Disable)
    }

    /// The first server, which the settings of a connector always have.
    pub(crate) fn first_host(&self) -> &Host {
        &self.hosts[0]
    }

    /// The database, if one is set.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The role to log in as, if one is set.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Who logs in.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The cloud: the one that was set, else the one that the first host belongs to, else public.
    pub fn cloud(&self) -> Cloud {
        self.cloud
            .or_else(|| self.hosts.iter().find_map(|host| Cloud::of_host(host.name())))
            .unwrap_or_default()
    }

    /// `sslmode` as it was set.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// How TLS begins.
    pub fn ssl_negotiation(&self) -> SslNegotiation {
        self.ssl_negotiation
    }

    /// A PEM file with certificate authorities to trust in addition to the system's.
    pub fn ssl_root_cert(&self) -> Option<&Path> {
        self.ssl_root_cert.as_deref()
    }

    /// Channel binding as it was set.
    pub fn channel_binding(&self) -> ChannelBinding {
        self.channel_binding
    }

    /// The name that the server shows for the session.
    pub fn application_name(&self) -> Option<&str> {
        self.application_name.as_deref()
    }

    /// Command-line options for the server, such as `-c statement_timeout=5s`.
    pub fn options(&self) -> Option<&str> {
        self.options.as_deref()
    }

    /// The limit for one address of one host, from TCP to the end of the login, if one is set (whole
    /// seconds in variables). sqlx has no such limit.
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// How long sent data may stay unacknowledged: `None` for the connector's default, 30 s on Linux; zero
    /// for the system's, which is some 15 minutes.
    pub fn tcp_user_timeout(&self) -> Option<Duration> {
        self.tcp_user_timeout
    }

    /// TCP keepalive.
    pub fn keepalives(&self) -> Keepalives {
        self.keepalives
    }

    /// What the session must be able to do.
    pub fn target_session_attrs(&self) -> TargetSessionAttrs {
        self.target_session_attrs
    }

    /// Whether hosts are tried in random order.
    pub fn load_balance_hosts(&self) -> bool {
        self.load_balance_hosts
    }

    /// Why a password logs in, and the variables that decide it: one clause.
    pub(crate) fn password_reason(&self) -> String {
        match (self.origins.variable("identity"), &self.passed_over) {
            (Some(variable), Some(identity)) => format!(
                "{variable} holds a password, which goes before the identity that {identity} speaks of"
            ),
            (Some(variable), None) => format!("{variable} holds a password"),
            (None, _) => "the settings hold a password".to_owned(),
        }
    }

    /// What to do if the password that goes before an identity is refused.
    pub(crate) fn password_advice(&self) -> Option<String> {
        self.passed_over.as_ref()?;
        let variable = self.origins.variable("identity")?;
        Some(format!(
            "{}: unset {variable}, or take the password out of it, to log in as the identity",
            self.password_reason()
        ))
    }

    /// Where each setting was read from, by libpq's name of the setting (`host`, `sslmode`, ...),
    /// `identity` for who logs in, and `tenant_id` and `client_id` for what an application has.
    ///
    /// Says [`Origin::Default`] for `port`, `user`, `dbname`, `sslmode` and `identity` where no
    /// variable states them. Settings that were set in code don't appear. Two `Settings` that
    /// differ in this alone are equal.
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.origins.iter()
    }
}

/// Shows no value of `application_name` and `options`: they may hold anything.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |text: &Option<String>| text.as_ref().map(|_| "[set]");
        f.debug_struct("Settings")
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("identity", &self.identity)
            .field("cloud", &self.cloud)
            .field("ssl_mode", &self.ssl_mode)
            .field("ssl_negotiation", &self.ssl_negotiation)
            .field("ssl_root_cert", &self.ssl_root_cert)
            .field("channel_binding", &self.channel_binding)
            .field("application_name", &set(&self.application_name))
            .field("options", &set(&self.options))
            .field("connect_timeout", &self.connect_timeout)
            .field("tcp_user_timeout", &self.tcp_user_timeout)
            .field("keepalives", &self.keepalives)
            .field("target_session_attrs", &self.target_session_attrs)
            .field("load_balance_hosts", &self.load_balance_hosts)
            .field("origins", &self.origins)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_may_hold_anything_are_not_shown() {
        let settings = Settings::new("h", Identity::SystemAssigned)
            .with_options("-c app.key=hunter2")
            .with_application_name("hunter2");
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("options: Some(\"[set]\")") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
