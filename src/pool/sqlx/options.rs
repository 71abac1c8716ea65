//! The settings in sqlx's terms, or why sqlx can't follow them.

use std::{borrow::Cow, path::Path, str::FromStr};

use ::sqlx::postgres::{PgConnectOptions, PgSslMode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    config::{ChannelBinding, Host, Settings, SslNegotiation, TargetSessionAttrs},
    error::{ConfigError, ConfigErrorKind},
    tls::system_bundle,
};

/// Everything but the password.
pub(super) fn connect_options(
    settings: &Settings,
    user: &str,
) -> Result<PgConnectOptions, ConfigError> {
    check_modes(settings)?;
    let host = sole_host(settings)?;
    let options = with_server_options(settings)?
        .host(&dialled(host)?)
        .port(host.port())
        .username(user)
        // The server's own default, said aloud: sqlx would take PGDATABASE and PGAPPNAME instead.
        .database(settings.database().unwrap_or(user))
        .application_name(settings.application_name().unwrap_or_default())
        .ssl_mode(ssl_mode(settings));
    Ok(match root_cert(settings) {
        Some(file) => options.ssl_root_cert(file),
        None => options,
    })
}

/// sqlx's defaults with the options for the server, which sqlx takes as a text in a URL alone.
fn with_server_options(settings: &Settings) -> Result<PgConnectOptions, ConfigError> {
    let Some(text) = settings.options() else {
        return Ok(PgConnectOptions::new_without_pgpass());
    };
    // With a password in it, even an empty one, sqlx looks for no password file.
    let text = utf8_percent_encode(text, NON_ALPHANUMERIC);
    PgConnectOptions::from_str(&format!("postgres://?password=&options={text}")).map_err(|_| {
        unsupported("options (PGOPTIONS)", "sqlx can't read it", "give options as `-c name=value`")
    })
}

/// As for every connection of this crate: verified, or for a password none at all.
fn ssl_mode(settings: &Settings) -> PgSslMode {
    if settings.uses_tls() { PgSslMode::VerifyFull } else { PgSslMode::Disable }
}

fn sole_host(settings: &Settings) -> Result<&Host, ConfigError> {
    match settings.hosts() {
        [host] => Ok(host),
        _ => Err(unsupported("host", "sqlx connects to one host only", "name one host")),
    }
}

/// What sqlx dials, and verifies the certificate against: the name, or an address on loopback.
///
/// Any other address would void the check of the host name, which decides where a token may go: its
/// certificate could come from a public authority. None of them may vouch for a loopback address
/// ([CA/Browser Forum](https://cabforum.org/working-groups/server/internal-names)).
fn dialled(host: &Host) -> Result<Cow<'_, str>, ConfigError> {
    match host.address() {
        None => Ok(host.name().into()),
        Some(address) if address.is_loopback() => Ok(address.to_string().into()),
        Some(_) => Err(unsupported(
            "hostaddr (PGHOSTADDR)",
            "sqlx can't dial one address and verify the certificate of another name",
            "unset it and let the host's name resolve, as with a private DNS zone",
        )),
    }
}

fn check_modes(settings: &Settings) -> Result<(), ConfigError> {
    let refuse = |variable, problem| Err(unsupported(variable, problem, "unset it"));
    if settings.target_session_attrs() != TargetSessionAttrs::Any {
        return refuse("target_session_attrs", "sqlx does not ask what a session may do");
    }
    if settings.ssl_negotiation() == SslNegotiation::Direct {
        return refuse("sslnegotiation", "sqlx asks for TLS in PostgreSQL's way only");
    }
    if settings.channel_binding() == ChannelBinding::Require {
        return refuse("channel_binding", "sqlx does not bind a login to its TLS channel");
    }
    Ok(())
}

/// Given no file, sqlx reads PGSSLROOTCERT for itself, whatever the connector's variables are, and takes
/// libpq's word `system` for the name of a file.
fn root_cert(settings: &Settings) -> Option<&Path> {
    settings.ssl_root_cert().or_else(|| system_bundle().map(Path::new))
}

fn unsupported(variable: &str, problem: &str, fix: &str) -> ConfigError {
    ConfigError::new(ConfigErrorKind::Unsupported, problem, fix).in_variable(variable)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::{config::SslMode, identity::Identity};

    const HOST: &str = "contoso.postgres.database.azure.com";

    fn at(address: &str) -> Settings {
        let address: IpAddr = address.parse().unwrap();
        let host = Host::new(HOST, 6432).with_address(address);
        Settings::for_hosts(vec![host], Identity::SystemAssigned)
    }

    fn settings() -> Settings {
        Settings::new(HOST, Identity::SystemAssigned)
    }

    #[test]
    fn settings_reach_sqlx_and_tls_is_always_verified() {
        let settings = settings()
            .with_ssl_mode(SslMode::Require)
            .with_application_name("orders")
            .with_options("-c search_path=a\\ b,c  --work_mem=1%20+MB");
        let options = connect_options(&settings, "aad_orders").unwrap();
        assert_eq!(options.get_host(), HOST);
        assert_eq!(options.get_port(), 5432);
        assert_eq!(options.get_username(), "aad_orders");
        assert_eq!(options.get_database(), Some("aad_orders"));
        assert_eq!(options.get_application_name(), Some("orders"));
        assert_eq!(options.get_options(), settings.options());
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
    }

    #[test]
    fn the_authorities_are_those_of_the_settings_or_the_systems() {
        let of_settings = settings().with_ssl_root_cert("/ca.pem");
        assert_eq!(root_cert(&of_settings), Some(Path::new("/ca.pem")));
        assert_eq!(root_cert(&settings()), system_bundle().map(Path::new));
    }

    #[test]
    fn only_a_password_may_go_without_tls() {
        let settings = Settings::new("localhost", Identity::Password("x".into()))
            .with_ssl_mode(SslMode::Disable);
        let mode = |settings: &Settings| connect_options(settings, "u").unwrap().get_ssl_mode();
        assert!(matches!(mode(&settings), PgSslMode::Disable));
        let settings = settings.with_identity(Identity::SystemAssigned);
        assert!(matches!(mode(&settings), PgSslMode::VerifyFull));
    }

    #[test]
    fn an_address_is_dialled_and_verified_on_loopback_only() {
        for address in ["127.0.0.1", "::1"] {
            let options = connect_options(&at(address), "u").unwrap();
            assert_eq!(options.get_host(), address);
            assert_eq!(options.get_port(), 6432);
        }
        let error = connect_options(&at("192.0.2.1"), "u").unwrap_err();
        assert_eq!(error.variable(), Some("hostaddr (PGHOSTADDR)"));
        assert!(!error.to_string().contains("192.0.2.1"), "{error}");
    }

    #[test]
    fn what_sqlx_cannot_do_is_refused_by_name() {
        let two = vec![Host::new(HOST, 5432), Host::new(HOST, 5433)];
        let cases = [
            (Settings::for_hosts(two, Identity::SystemAssigned), "host"),
            (
                settings().with_target_session_attrs(TargetSessionAttrs::ReadWrite),
                "target_session_attrs",
            ),
            (settings().with_ssl_negotiation(SslNegotiation::Direct), "sslnegotiation"),
        ];
        for (settings, variable) in cases {
            let error = connect_options(&settings, "u").unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Unsupported);
            assert_eq!(error.variable(), Some(variable));
        }
    }
}
