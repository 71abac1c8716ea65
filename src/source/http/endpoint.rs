//! Reading the addresses of identity services.

use reqwest::Url;

use crate::error::{ConfigError, ConfigErrorKind};

/// The URL of an identity endpoint on this machine: plain HTTP, with a host and without credentials.
///
/// HTTPS is refused, because the only such endpoint, Service Fabric's, has a self-signed certificate
/// that has to be pinned.
pub(in crate::source) fn local(text: &str) -> Result<Url, ConfigError> {
    let url = parse(text, "set it to a URL such as http://host:port")?;
    if url.scheme() != "http" {
        return Err(ConfigError::new(
            ConfigErrorKind::Unsupported,
            "the managed-identity endpoint is not a plain HTTP URL",
            "set it to the http:// URL that the platform gives",
        ));
    }
    Ok(url)
}

const AUTHORITY_FIX: &str =
    "set it to an https:// URL such as https://login.microsoftonline.com, or to its host alone";

/// The base URL of Microsoft Entra ID. The client secret goes there, so it has to be HTTPS, or HTTP
/// to this very machine for a local stand-in.
///
/// Without a scheme it is HTTPS, as for the other Azure SDKs
/// ([documentation](https://learn.microsoft.com/python/api/azure-identity/azure.identity.azureauthorityhosts)).
pub(in crate::source) fn authority(text: &str) -> Result<Url, ConfigError> {
    let text = text.trim();
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    // `https:/host` without this would be a host named `https`.
    let has_scheme = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if has_scheme && !text[scheme.len()..].starts_with("://") {
        return Err(ConfigError::malformed("the address is not a URL", AUTHORITY_FIX));
    }
    let url = if text.contains("://") {
        parse(text, AUTHORITY_FIX)?
    } else {
        parse(&format!("https://{text}"), AUTHORITY_FIX)?
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        return Ok(url);
    }
    Err(ConfigError::new(
        ConfigErrorKind::Unsafe,
        "the authority host is neither an https:// URL nor http:// on a loopback address",
        AUTHORITY_FIX,
    ))
}

/// A loopback address in figures: a name, even `localhost`, may resolve to another machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn parse(text: &str, fix: &str) -> Result<Url, ConfigError> {
    let malformed = |problem| ConfigError::malformed(problem, fix);
    let mut url = Url::parse(text.trim())
        .map_err(|error| malformed("the address is not a URL").with_cause(error))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(malformed("the URL has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(malformed("the URL holds a user name or password"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// `base` with more path segments behind its own.
pub(in crate::source) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_endpoint_is_plain_http() {
        for text in
            ["http://169.254.169.254", " http://localhost:42356/msi/token?a=b ", "http://[::1]:1"]
        {
            assert!(local(text).is_ok(), "{text}");
        }
        assert_eq!(
            local("https://localhost:2377").unwrap_err().kind(),
            ConfigErrorKind::Unsupported
        );
        for text in ["", "localhost", "http://", "http://user:hunter2@localhost"] {
            let error = local(text).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Malformed, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn an_authority_is_https_or_on_this_machine() {
        for text in ["https://login.microsoftonline.us/", "http://127.0.0.1:80", "http://[::1]:80"]
        {
            assert!(authority(text).is_ok(), "{text}");
        }
        for text in [" login.microsoftonline.us", "login.microsoftonline.us/"] {
            assert_eq!(authority(text).unwrap().as_str(), "https://login.microsoftonline.us/");
        }
        for text in [
            "",
            "login example",
            "user:hunter2@login.example",
            "https:/login.example",
            "HTTPS:login.example",
            "http:/127.0.0.1",
            "https:",
        ] {
            let error = authority(text).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Malformed, "{text}");
            assert!(error.hint().contains("https://login.microsoftonline.com"), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        for text in [
            "http://login.microsoftonline.com",
            "http://localhost:8080",
            "http://127.0.0.1.attacker.example",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(authority(text).unwrap_err().kind(), ConfigErrorKind::Unsafe, "{text}");
        }
    }

    #[test]
    fn a_path_goes_behind_that_of_the_base() {
        for (base, expected) in [
            ("http://host", "http://host/a/b"),
            ("http://host/", "http://host/a/b"),
            ("http://host/x/", "http://host/x/a/b"),
        ] {
            assert_eq!(join(&Url::parse(base).unwrap(), "a/b").as_str(), expected);
        }
    }
}
