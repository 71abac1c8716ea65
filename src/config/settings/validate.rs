//! What every `Settings` must fulfil, however it was made.

use std::net::IpAddr;

use super::{ChannelBinding, Host, Settings, SslNegotiation};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    identity::{Identity, UserAssignedId, is_tenant},
};

impl Settings {
    /// Refuses settings that can't work, or that would send a token where it must not go.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.hosts.is_empty() {
            return Err(self.error("host", ConfigErrorKind::Missing, "no host is set", "set one"));
        }
        self.hosts.iter().try_for_each(|host| self.check_host(host))?;
        self.check_texts()?;
        self.check_identity()?;
        self.check_tls()
    }

    fn check_host(&self, host: &Host) -> Result<(), ConfigError> {
        let name = host.name();
        if name.starts_with('/') {
            return Err(self.error(
                "host",
                ConfigErrorKind::Unsupported,
                "the host is a Unix socket, over which there is no TLS",
                "state the server's host name",
            ));
        }
        if host.port() == 0 {
            let fix = "write 5432 or 6432";
            return Err(self.error("port", ConfigErrorKind::Malformed, "the port is 0", fix));
        }
        if name.is_empty() {
            let fix = "state a name between each two commas";
            return Err(self.error("host", ConfigErrorKind::Missing, "a host is empty", fix));
        }
        if holds_port(name) {
            return Err(self.error(
                "host",
                ConfigErrorKind::Malformed,
                "the host holds a port",
                "state the bare name, and the port by itself",
            ));
        }
        if ends_in_number(name) && name.parse::<IpAddr>().is_err() {
            return Err(self.error(
                "host",
                ConfigErrorKind::Malformed,
                "a host ends in a number, and is no IP address",
                "state the server's name, and its port after a colon or by itself",
            ));
        }
        if is_host_name(name) {
            return Ok(());
        }
        if has_zone(name) {
            return Err(self.error(
                "host",
                ConfigErrorKind::Unsupported,
                "the host is an IPv6 address with a zone, which no certificate can carry",
                "state the server's host name, and the address in `hostaddr` without the zone",
            ));
        }
        Err(self.error(
            "host",
            ConfigErrorKind::Malformed,
            "the host holds characters that no host name has",
            "state the bare name, such as `contoso.postgres.database.azure.com`",
        ))
    }

    /// The startup message ends each text with a NUL byte, so none may hold one.
    fn check_texts(&self) -> Result<(), ConfigError> {
        if let Some(user) = &self.user {
            check_role_name(user).map_err(|error| match self.origins.variable("user") {
                Some(variable) => error.in_variable(variable),
                None => error,
            })?;
        }
        let texts = [
            ("dbname", &self.database),
            ("application_name", &self.application_name),
            ("options", &self.options),
        ];
        for (setting, text) in texts {
            if text.as_ref().is_some_and(|text| text.contains('\0')) {
                return Err(self.nul_byte(setting));
            }
        }
        match &self.identity {
            Identity::Password(password) if password.expose().contains('\0') => {
                Err(self.nul_byte("identity"))
            }
            _ => Ok(()),
        }
    }

    fn nul_byte(&self, setting: &str) -> ConfigError {
        let problem = format!("`{setting}` holds a NUL byte");
        self.error(setting, ConfigErrorKind::Malformed, &problem, "remove it")
    }

    fn check_identity(&self) -> Result<(), ConfigError> {
        match &self.identity {
            Identity::UserAssigned(
                UserAssignedId::ClientId(id)
                | UserAssignedId::ObjectId(id)
                | UserAssignedId::ResourceId(id),
            ) if id.is_empty() => Err(self.incomplete_identity("the identity's id is empty")),
            Identity::ServicePrincipal { client_secret, .. } if client_secret.is_empty() => {
                let fix = "set the secret's value, or create a new one: a value is shown only once";
                let problem = "the client secret is empty";
                Err(self.error("identity", ConfigErrorKind::Malformed, problem, fix))
            }
            Identity::ServicePrincipal { tenant_id, client_id, .. }
            | Identity::WorkloadIdentity { tenant_id, client_id, .. } => {
                self.check_application(tenant_id, client_id)
            }
            _ => Ok(()),
        }
    }

    fn check_application(&self, tenant_id: &str, client_id: &str) -> Result<(), ConfigError> {
        if client_id.is_empty() {
            return Err(self.wrong_id("client_id", "the client id is empty"));
        }
        if !is_tenant(tenant_id) {
            let problem = "the tenant id is neither a GUID nor a domain name";
            return Err(self.wrong_id("tenant_id", problem));
        }
        Ok(())
    }

    fn incomplete_identity(&self, problem: &str) -> ConfigError {
        self.wrong_id("identity", problem)
    }

    fn wrong_id(&self, setting: &str, problem: &str) -> ConfigError {
        let fix = "copy it from the identity's page in the Azure portal";
        self.error(setting, ConfigErrorKind::Malformed, problem, fix)
    }

    fn check_tls(&self) -> Result<(), ConfigError> {
        let uses_token = self.identity.uses_token();
        if uses_token && self.ssl_mode.is_weak() {
            return Err(self.error(
                "sslmode",
                ConfigErrorKind::Unsafe,
                "this SSL mode would allow the token to be sent without TLS",
                "use `require`, `verify-ca` or `verify-full`",
            ));
        }
        if uses_token && self.channel_binding == ChannelBinding::Require {
            return Err(self.error(
                "channel_binding",
                ConfigErrorKind::Unsupported,
                "a token can't satisfy channel binding",
                "use `prefer` or `disable`, or remove it",
            ));
        }
        if self.ssl_mode.is_weak() && self.ssl_negotiation == SslNegotiation::Direct {
            return Err(self.error(
                "sslnegotiation",
                ConfigErrorKind::Conflict,
                "direct TLS contradicts an SSL mode that does not insist on TLS",
                "use the SSL mode `require`, `verify-ca` or `verify-full`",
            ));
        }
        Ok(())
    }

    /// An error about a setting, with the variable that states it where there is one.
    fn error(&self, setting: &str, kind: ConfigErrorKind, problem: &str, fix: &str) -> ConfigError {
        let error = ConfigError::new(kind, problem, fix);
        match self.origins.variable(setting) {
            Some(variable) => error.in_variable(variable),
            None => error,
        }
    }
}

/// The longest name of a role, in bytes; the server cuts off what is longer
/// ([documentation](https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS)).
const LONGEST_ROLE_NAME: usize = 63;

/// Refuses a name that can't be a role's, or that the server would take for another one's.
pub(crate) fn check_role_name(name: &str) -> Result<(), ConfigError> {
    let (problem, fix) = if name.is_empty() {
        ("the user is empty", "name the role to log in as, or leave the user out")
    } else if name.contains('\0') {
        ("`user` holds a NUL byte", "remove it")
    } else if name.len() > LONGEST_ROLE_NAME {
        (
            "the user's name has more than 63 bytes, and the server would take its beginning for it",
            "log in as a role with a shorter name",
        )
    } else {
        return Ok(());
    };
    Err(ConfigError::malformed(problem, fix))
}

/// `contoso:5432`, as URLs write it.
fn holds_port(name: &str) -> bool {
    name.split_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
}

/// An address such as `fe80::1%eth0`.
fn has_zone(name: &str) -> bool {
    name.split_once('%').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok())
}

/// What a resolver takes for an address in one of its old forms, such as the port in `Server=contoso,5432`,
/// which is `0.0.21.56` ([rule](https://url.spec.whatwg.org/#ends-in-a-number-checker)).
fn ends_in_number(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = name.rsplit('.').next().unwrap_or_default();
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// DNS names, with the underscores that some networks have, and IP addresses.
fn is_host_name(name: &str) -> bool {
    let is_dns_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    name.bytes().all(is_dns_byte) || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{super::SslMode, *};

    fn refused(settings: &Settings) -> ConfigErrorKind {
        let error = settings.validate().unwrap_err();
        assert_eq!(error.variable(), None, "{error}");
        error.kind()
    }

    fn with_identity(identity: Identity) -> Settings {
        Settings::new("contoso.postgres.database.azure.com", identity)
    }

    #[test]
    fn settings_made_in_code_are_checked_like_those_from_variables() {
        let token = with_identity(Identity::SystemAssigned);
        assert!(token.validate().is_ok());
        assert_eq!(refused(&token.clone().with_ssl_mode(SslMode::Prefer)), ConfigErrorKind::Unsafe);
        assert_eq!(refused(&token.clone().with_user("")), ConfigErrorKind::Malformed);
        assert_eq!(refused(&token.clone().with_user("a".repeat(64))), ConfigErrorKind::Malformed);
        assert!(token.clone().with_user("ä".repeat(31)).validate().is_ok());
        assert_eq!(refused(&token.with_user("a\0b")), ConfigErrorKind::Malformed);
        let password = with_identity(Identity::Password("p".into()));
        assert!(password.with_ssl_mode(SslMode::Disable).validate().is_ok());
    }

    #[test]
    fn hosts_must_be_dialable() {
        let cases = [
            (vec![], ConfigErrorKind::Missing),
            (vec![Host::new("", 1)], ConfigErrorKind::Missing),
            (vec![Host::new("a", 0)], ConfigErrorKind::Malformed),
            (vec![Host::new("a", 1), Host::new("b c", 1)], ConfigErrorKind::Malformed),
            (vec![Host::new("a", 1), Host::new("5432", 1)], ConfigErrorKind::Malformed),
            (vec![Host::new("127.1", 1)], ConfigErrorKind::Malformed),
            (vec![Host::new("0x7f000001.", 1)], ConfigErrorKind::Malformed),
            (vec![Host::new("10.0.0.256", 1)], ConfigErrorKind::Malformed),
            (vec![Host::new("/run", 1)], ConfigErrorKind::Unsupported),
            (vec![Host::new("fe80::1%eth0", 1)], ConfigErrorKind::Unsupported),
        ];
        for (hosts, kind) in cases {
            let settings = Settings::for_hosts(hosts, Identity::SystemAssigned);
            assert_eq!(refused(&settings), kind, "{settings:?}");
        }
    }

    #[test]
    fn addresses_and_names_with_numbers_are_hosts() {
        for name in ["127.0.0.1", "::1", "db1", "1.example", "5432-db", "0xy", "db.x1", "a.b."] {
            let host = Host::new(name, 1);
            let settings = Settings::for_hosts(vec![host], Identity::SystemAssigned);
            assert!(settings.validate().is_ok(), "{name}");
        }
    }

    #[test]
    fn identities_must_be_complete() {
        let identities = [
            Identity::UserAssigned(UserAssignedId::ObjectId(String::new())),
            Identity::service_principal("t", "c", ""),
            Identity::service_principal("t", "", "s"),
            Identity::service_principal("", "c", "s"),
            Identity::service_principal("../t", "c", "s"),
            Identity::service_principal("..", "c", "s"),
            Identity::workload("t/u", "c", "/token"),
            Identity::Password("p\0".into()),
        ];
        for identity in identities {
            let settings = with_identity(identity);
            assert_eq!(refused(&settings), ConfigErrorKind::Malformed, "{settings:?}");
        }
    }
}
