use std::{net::IpAddr, path::PathBuf, time::Duration};

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// One server to try: the name that its certificate must carry, and where to dial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    name: String,
    address: Option<IpAddr>,
    port: u16,
}

impl Host {
    /// A host by name and port.
    pub fn new(name: impl Into<String>, port: u16) -> Self {
        Self { name: name.into(), address: None, port }
    }

    /// The same host, dialled at this address without a DNS look-up (`hostaddr`, `PGHOSTADDR`).
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The name that the server's certificate is verified against.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address to dial, if it is fixed.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// libpq's `sslmode`, as it was written in the settings.
///
/// With a token it only decides whether the settings are accepted: TLS is always used, and chain and
/// host name are always verified. See
/// [libpq's table](https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SslMode {
    /// No TLS. Refused with a token.
    Disable,
    /// TLS if the server insists. Refused with a token.
    Allow,
    /// TLS if the server offers it. Refused with a token.
    Prefer,
    /// TLS. What Service Connector writes, and the default.
    #[default]
    Require,
    /// TLS with a verified chain.
    VerifyCa,
    /// TLS with a verified chain and host name: what the crate always does.
    VerifyFull,
}

/// How TLS begins: libpq's `sslnegotiation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SslNegotiation {
    /// PostgreSQL's own request first. Works with every server, and is the default.
    #[default]
    Postgres,
    /// TLS at once: one round trip less, from PostgreSQL 17 on.
    Direct,
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server offers it, and the default.
    #[default]
    Prefer,
    /// Always. Refused with a token, which can't satisfy it.
    Require,
}

/// libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TargetSessionAttrs {
    /// Any server, and the default.
    #[default]
    Any,
    /// A server that accepts writes.
    ReadWrite,
    /// A server that does not.
    ReadOnly,
}

/// TCP keepalive; `None` leaves a figure to the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Keepalives {
    /// Whether keepalive is on (it is by default).
    pub enabled: bool,
    /// Idle time before the first probe.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Unanswered probes after which the connection counts as lost.
    pub retries: Option<u32>,
}

impl Default for Keepalives {
    fn default() -> Self {
        Self { enabled: true, idle: None, interval: None, retries: None }
    }
}

impl Settings {
    /// Settings for one server at port 5432, with everything else at its default.
    pub fn new(host: impl Into<String>, identity: Identity) -> Self {
        Self::for_hosts(vec![Host::new(host, 5432)], identity)
    }

    /// Settings for several servers, tried in this order.
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
        }
    }

    /// Sets the database; without one, the server takes the user's name.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// Sets the role to log in as; without one, the token's claims name it.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the cloud; without one, the host's suffix tells.
    #[must_use]
    pub fn with_cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = Some(cloud);
        self
    }

    /// Trusts the certificate authorities in this PEM file in addition to the system's.
    #[must_use]
    pub fn with_ssl_root_cert(mut self, file: impl Into<PathBuf>) -> Self {
        self.ssl_root_cert = Some(file.into());
        self
    }

    /// Sets `sslmode`.
    #[must_use]
    pub fn with_ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = mode;
        self
    }

    /// Sets how TLS begins.
    #[must_use]
    pub fn with_ssl_negotiation(mut self, negotiation: SslNegotiation) -> Self {
        self.ssl_negotiation = negotiation;
        self
    }

    /// Sets the name that the server shows for the session.
    #[must_use]
    pub fn with_application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// The servers, in the order in which they are tried. Never empty.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
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
    pub fn ssl_root_cert(&self) -> Option<&std::path::Path> {
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

    /// The limit for one TCP connection attempt, if one is set.
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
}
