use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    host::{DEFAULT_PORT, Host},
    modes::{ChannelBinding, Keepalives, SslMode, SslNegotiation, TargetSessionAttrs},
    origins::{Origin, Origins},
};
use crate::{Cloud, Identity};

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
    pub(super) hosts: Vec<Host>,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
    pub(super) identity: Identity,
    pub(super) cloud: Option<Cloud>,
    pub(super) ssl_mode: SslMode,
    pub(super) ssl_negotiation: SslNegotiation,
    pub(super) ssl_root_cert: Option<PathBuf>,
    pub(super) channel_binding: ChannelBinding,
    pub(super) application_name: Option<String>,
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) tcp_user_timeout: Option<Duration>,
    pub(super) keepalives: Keepalives,
    pub(super) target_session_attrs: TargetSessionAttrs,
    pub(super) load_balance_hosts: bool,
    pub(super) origins: Origins,
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
        }
    }

    /// Sets the database; without one, the server takes the user's name.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self.origins.forget("dbname");
        self
    }

    /// Sets the role to log in as; without one, the token's claims name it.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.origins.forget("user");
        self
    }

    /// Sets who logs in.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self.origins.forget("identity");
        self
    }

    /// Sets the cloud; without one, the host's suffix tells.
    #[must_use]
    pub fn with_cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = Some(cloud);
        self
    }

    /// Limits the time for one address of one host, from TCP to the end of the login. Zero stands for no
    /// limit, as in libpq.
    #[must_use]
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = (!limit.is_zero()).then_some(limit);
        self.origins.forget("connect_timeout");
        self
    }

    /// Limits how long sent data may stay unacknowledged.
    #[must_use]
    pub fn with_tcp_user_timeout(mut self, limit: Duration) -> Self {
        self.tcp_user_timeout = Some(limit);
        self.origins.forget("tcp_user_timeout");
        self
    }

    /// Sets TCP keepalive.
    ///
    /// ```
    /// # use postgres_entra::{Identity, Keepalives, Settings};
    /// # let settings = Settings::new("contoso.postgres.database.azure.com", Identity::SystemAssigned);
    /// let mut keepalives = Keepalives::default();
    /// keepalives.idle = Some(std::time::Duration::from_secs(60));
    /// let settings = settings.with_keepalives(keepalives);
    /// ```
    #[must_use]
    pub fn with_keepalives(mut self, keepalives: Keepalives) -> Self {
        self.keepalives = keepalives;
        for setting in ["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"]
        {
            self.origins.forget(setting);
        }
        self
    }

    /// Trusts the certificate authorities in this PEM file in addition to the system's.
    #[must_use]
    pub fn with_ssl_root_cert(mut self, file: impl Into<PathBuf>) -> Self {
        self.ssl_root_cert = Some(file.into());
        self.origins.forget("sslrootcert");
        self
    }

    /// Sets `sslmode`.
    #[must_use]
    pub fn with_ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = mode;
        self.origins.forget("sslmode");
        self
    }

    /// Sets how TLS begins.
    #[must_use]
    pub fn with_ssl_negotiation(mut self, negotiation: SslNegotiation) -> Self {
        self.ssl_negotiation = negotiation;
        self.origins.forget("sslnegotiation");
        self
    }

    /// Sets channel binding.
    #[must_use]
    pub fn with_channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = binding;
        self.origins.forget("channel_binding");
        self
    }

    /// Sets the name that the server shows for the session.
    #[must_use]
    pub fn with_application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self.origins.forget("application_name");
        self
    }

    /// Sets the command-line options for the server, such as `-c statement_timeout=5s`.
    #[must_use]
    pub fn with_options(mut self, options: impl Into<String>) -> Self {
        self.options = Some(options.into());
        self.origins.forget("options");
        self
    }

    /// Sets what the session must be able to do.
    #[must_use]
    pub fn with_target_session_attrs(mut self, attrs: TargetSessionAttrs) -> Self {
        self.target_session_attrs = attrs;
        self.origins.forget("target_session_attrs");
        self
    }

    /// Sets whether hosts are tried in random order.
    #[must_use]
    pub fn with_load_balance_hosts(mut self, random: bool) -> Self {
        self.load_balance_hosts = random;
        self.origins.forget("load_balance_hosts");
        self
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

    /// How long sent data may stay unacknowledged, if it is limited.
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

    /// Where each setting was read from, by libpq's name of the setting (`host`, `sslmode`, ...),
    /// and `identity` for who logs in.
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
