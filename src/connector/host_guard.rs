//! Where a token may go.

use crate::{Cloud, ConfigError, ConfigErrorKind, Host, Settings};

/// Refuses settings that would send a token to a host outside the cloud that the token is for.
///
/// The host may come from a variable that an attacker or a mistake can change; a token for Azure
/// Database for PostgreSQL opens every database that its identity may use.
pub(super) fn check_hosts(
    settings: &Settings,
    cloud: Cloud,
    trusted: &[String],
) -> Result<(), ConfigError> {
    if !settings.identity().uses_token() {
        return Ok(());
    }
    match settings.hosts().iter().find(|host| !may_receive(host, cloud, trusted)) {
        Some(host) => Err(untrusted(host, cloud)),
        None => Ok(()),
    }
}

fn may_receive(host: &Host, cloud: Cloud, trusted: &[String]) -> bool {
    cloud.owns_host(host.name())
        || trusted.iter().any(|name| name.eq_ignore_ascii_case(host.name()))
}

fn untrusted(host: &Host, cloud: Cloud) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsafe,
        format!(
            "the host \"{}\" is not under {}, so it gets no token",
            host.name(),
            cloud.host_suffix()
        ),
        "connect by the server's name in that domain, or allow this host with \
         Connector::builder().trust_host(..)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn check(host: &str, trusted: &[&str]) -> Result<(), ConfigError> {
        let settings = Settings::new(host, Identity::SystemAssigned);
        let trusted: Vec<String> = trusted.iter().map(|&name| name.to_owned()).collect();
        check_hosts(&settings, Cloud::Public, &trusted)
    }

    #[test]
    fn a_token_goes_to_a_host_of_its_cloud_or_a_trusted_one() {
        assert!(check("contoso.postgres.database.azure.com", &[]).is_ok());
        assert!(check("db.internal.example", &["DB.internal.example"]).is_ok());
    }

    #[test]
    fn a_token_goes_nowhere_else_and_the_error_says_how_to_allow_it() {
        let hosts = ["db.internal.example", "127.0.0.1", "x.postgres.database.chinacloudapi.cn"];
        for host in hosts {
            let error = check(host, &["other.example"]).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Unsafe, "{host}");
            assert!(error.to_string().contains("trust_host"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_guarded() {
        let settings = Settings::new("localhost", Identity::Password("x".into()));
        assert!(check_hosts(&settings, Cloud::Public, &[]).is_ok());
    }
}
