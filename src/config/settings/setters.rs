//! Settings that are put together in code.

use std::{path::PathBuf, time::Duration};

use super::{ChannelBinding, Keepalives, Settings, SslMode, SslNegotiation, TargetSessionAttrs};
use crate::{cloud::Cloud, identity::Identity};

impl Settings {
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
        for setting in ["identity", "tenant_id", "client_id"] {
            self.origins.forget(setting);
        }
        self.passed_over = None;
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

    /// Limits how long sent data may stay unacknowledged before the connection counts as lost; on Linux 30 s
    /// unless set. Zero leaves it to the system. No effect where the driver can't set it, as on macOS and
    /// Windows.
    #[must_use]
    pub fn with_tcp_user_timeout(mut self, limit: Duration) -> Self {
        self.tcp_user_timeout = Some(limit);
        self.origins.forget("tcp_user_timeout");
        self
    }

    /// Sets TCP keepalive.
    ///
    /// ```
    /// # use postgres_entra::{Identity, Settings, settings::Keepalives};
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
}
