//! Where a token may go.

use crate::{
    cloud::{Cloud, resource_of},
    config::{Host, Settings},
    error::{ConfigError, ConfigErrorKind},
};

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

/// Refuses tokens of a scope that is not for the host's cloud: the token of another service, or of
/// another cloud, is not for this server to see.
pub(super) fn check_scope(
    settings: &Settings,
    scope: &str,
    trusted: &[String],
) -> Result<(), ConfigError> {
    let is_foreign = |host: &&Host| {
        !is_trusted(host, trusted)
            && Cloud::of_host(host.name()).is_some_and(|it| it.resource() != resource_of(scope))
    };
    match settings.hosts().iter().find(is_foreign) {
        Some(host) => Err(foreign_scope(host, scope)),
        None => Ok(()),
    }
}

fn may_receive(host: &Host, cloud: Cloud, trusted: &[String]) -> bool {
    cloud.owns_host(host.name()) || is_trusted(host, trusted)
}

fn is_trusted(host: &Host, trusted: &[String]) -> bool {
    trusted.iter().any(|name| name.eq_ignore_ascii_case(host.name()))
}

fn untrusted(host: &Host, cloud: Cloud) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsafe,
        format!(
            "the host \"{}\" is not under {}, so it gets no token",
            host.name(),
            cloud.host_suffix()
        ),
        remedy(host.name(), cloud),
    )
}

/// A name that was meant to be Azure's is to be corrected, and not trusted.
fn remedy(host: &str, cloud: Cloud) -> String {
    let suffix = cloud.host_suffix();
    let is_meant = host.contains(".postgres.dat") || host.ends_with("azure.com");
    if is_meant && Cloud::of_host(host).is_none() {
        return format!("correct the host: it is the name of the server and {suffix}");
    }
    format!(
        "connect by the server's full name, <name>{suffix}; only if this is a name of your own for it, \
         allow it with Connector::builder().trust_host(..) or --trust-host"
    )
}

fn foreign_scope(host: &Host, scope: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Unsafe,
        format!("tokens of the scope \"{scope}\" are not for the host \"{}\"", host.name()),
        "leave the scope to the server's cloud and share a token cache within one cloud only, or \
         allow this host with Connector::builder().trust_host(..)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connector::Connector, identity::Identity};

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
    fn a_host_that_is_misspelt_is_to_be_corrected_and_not_to_be_trusted() {
        for host in [
            "contoso.postgres.databse.azure.com",
            "contoso.postgres.database.azur.com",
            "contoso.database.azure.com",
            "contoso.postgres.database.azure.con",
        ] {
            let text = check(host, &[]).unwrap_err().to_string();
            assert!(text.contains("correct the host") && !text.contains("trust"), "{text}");
        }
    }

    #[test]
    fn tokens_for_another_cloud_or_service_go_to_a_trusted_host_only() {
        let host = "contoso.postgres.database.azure.com";
        let settings = Settings::new(host, Identity::SystemAssigned);
        assert!(check_scope(&settings, Cloud::Public.scope(), &[]).is_ok());
        let foreign =
            [Cloud::China.scope(), Cloud::CosmosDb.scope(), Cloud::Public.management_scope()];
        for scope in foreign {
            let error = check_scope(&settings, scope, &[]).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Unsafe, "{scope}");
            assert!(check_scope(&settings, scope, &[host.to_owned()]).is_ok(), "{scope}");
        }
        let own = Settings::new("db.internal.example", Identity::SystemAssigned);
        assert!(check_scope(&own, "api://orders/.default", &[]).is_ok());
    }

    #[test]
    fn a_shared_token_cache_stays_within_its_cloud() {
        let connector = |host: &str| {
            let settings = Settings::new(host, Identity::SystemAssigned);
            Connector::builder().settings(settings)
        };
        let public = connector("contoso.postgres.database.azure.com").build().unwrap();
        let cache = || public.token_cache().unwrap().clone();
        let china = connector("contoso.postgres.database.chinacloudapi.cn").token_cache(cache());
        assert!(china.build().unwrap_err().to_string().contains("not for the host"));
        assert!(
            connector("fabrikam.postgres.database.azure.com").token_cache(cache()).build().is_ok()
        );
    }

    #[test]
    fn a_password_is_not_guarded() {
        let settings = Settings::new("localhost", Identity::Password("x".into()));
        assert!(check_hosts(&settings, Cloud::Public, &[]).is_ok());
    }
}
