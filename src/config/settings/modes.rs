use std::time::Duration;

/// libpq's [`sslmode`][libpq], as it was written in the settings.
///
/// With a token it only decides whether the settings are accepted: TLS is always used, and chain
/// and host name are always verified. See
/// [libpq's table](https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION).
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SslMode {
    /// No TLS. Refused with a token.
    Disable,
    /// TLS if the server insists. Refused with a token; means `Require` with a password.
    Allow,
    /// TLS if the server offers it. Refused with a token; means `Require` with a password.
    Prefer,
    /// TLS. What Service Connector writes, and the default.
    #[default]
    Require,
    /// TLS with a verified chain.
    VerifyCa,
    /// TLS with a verified chain and host name: what the crate always does.
    VerifyFull,
}

impl SslMode {
    /// Whether a connection may end up without TLS.
    pub(in crate::config) fn is_weak(self) -> bool {
        matches!(self, Self::Disable | Self::Allow | Self::Prefer)
    }
}

/// How TLS begins: libpq's [`sslnegotiation`][libpq].
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SslNegotiation {
    /// PostgreSQL's own request first. Works with every server, and is the default.
    #[default]
    Postgres,
    /// TLS at once: one round trip less, from PostgreSQL 17 on.
    Direct,
}

/// libpq's [`channel_binding`][libpq].
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
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

/// libpq's [`target_session_attrs`][libpq].
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TargetSessionAttrs {
    /// Any server, and the default.
    #[default]
    Any,
    /// A server whose sessions accept writes.
    ReadWrite,
    /// A server whose sessions do not.
    ReadOnly,
    /// A server that is not in recovery, whether it accepts writes or not.
    Primary,
    /// A server in recovery: a replica.
    Standby,
    /// A replica, or any server if no replica can be had.
    PreferStandby,
}

/// TCP keepalive: libpq's [`keepalives`][libpq] and the parameters after it.
///
/// `None` makes `idle` a minute, which is less than networks take to forget an idle connection, `interval` 10 s, and
/// leaves `retries` to the operating system.
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
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

/// A setting with a fixed set of values, by the names that libpq gives them.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// Every accepted name; the first name of a value is the one to write.
    const NAMES: &'static [(&'static str, Self)];

    fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, value)| *value == self);
        named.map(|(name, _)| *name).unwrap_or_default()
    }

    fn accepted_names() -> String {
        Self::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Choice for SslMode {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
}

impl Choice for SslNegotiation {
    const NAMES: &'static [(&'static str, Self)] =
        &[("postgres", Self::Postgres), ("direct", Self::Direct)];
}

impl Choice for ChannelBinding {
    const NAMES: &'static [(&'static str, Self)] =
        &[("disable", Self::Disable), ("prefer", Self::Prefer), ("require", Self::Require)];
}

impl Choice for TargetSessionAttrs {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];
}

/// Whether hosts are tried in random order: libpq's `load_balance_hosts`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadBalanceHosts {
    Disable,
    Random,
}

impl Choice for LoadBalanceHosts {
    const NAMES: &'static [(&'static str, Self)] =
        &[("disable", Self::Disable), ("random", Self::Random)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_under_its_first_name() {
        use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
        let modes = [Disable, Allow, Prefer, Require, VerifyCa, VerifyFull].map(Choice::name);
        assert_eq!(modes, ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]);
        use TargetSessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
        let attrs = [Any, ReadWrite, ReadOnly, Primary, Standby, PreferStandby].map(Choice::name);
        let names = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"];
        assert_eq!(attrs, names);
        use ChannelBinding as Binding;
        let binding = [Binding::Disable, Binding::Prefer, Binding::Require].map(Choice::name);
        assert_eq!(binding, ["disable", "prefer", "require"]);
        let negotiation = [SslNegotiation::Postgres, SslNegotiation::Direct].map(Choice::name);
        assert_eq!(negotiation, ["postgres", "direct"]);
    }
}
