//! The token proxy of AKS identity bindings.
//!
//! A pod sends its token requests to a proxy in the cluster in place of Microsoft Entra ID. That has a
//! certificate authority of its own, and in the handshake another name than in its address; the `Host` header
//! stays that of the address. The same as in
//! [azidentity](https://github.com/Azure/azure-sdk-for-go/blob/main/sdk/azidentity/internal/customtokenproxy/configuration.go).

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Url;

use super::{
    client::{Failure, Request, Response},
    plain,
};
use crate::{
    background::Background,
    config::value_of,
    environment::Environment,
    error::{ConfigError, ConfigErrorKind, TlsError, TokenErrorKind},
    tls::connect_trusting_only,
};

const URL_VARIABLE: &str = "AZURE_KUBERNETES_TOKEN_PROXY";
const NAME_VARIABLE: &str = "AZURE_KUBERNETES_SNI_NAME";
const FILE_VARIABLE: &str = "AZURE_KUBERNETES_CA_FILE";
const DATA_VARIABLE: &str = "AZURE_KUBERNETES_CA_DATA";

/// A bundle of certificate authorities takes some kilobytes.
const MAX_FILE: u64 = 1024 * 1024;

const AS_SET: &str =
    "leave AZURE_KUBERNETES_TOKEN_PROXY, _SNI_NAME and _CA_FILE as the identity binding sets them";

/// Where the proxy is, and how it is known. Clones share what was read.
#[derive(Clone, Debug)]
pub(in crate::source) struct TokenProxy {
    url: Url,
    name: String,
    roots: Roots,
}

#[derive(Clone, Debug)]
enum Roots {
    Fixed(Vec<u8>),
    /// Read at each request: the cluster rotates its authority. What was read last stands in while the file
    /// is empty, as it may be while it is being written.
    File {
        path: PathBuf,
        last: Arc<Mutex<Option<Vec<u8>>>>,
    },
}

impl TokenProxy {
    /// The proxy that the variables of an identity binding describe; `None` if they are not set.
    pub(in crate::source) fn from_environment(
        environment: &Environment,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(url) = value_of(environment, URL_VARIABLE)? else {
            let companions = [NAME_VARIABLE, FILE_VARIABLE, DATA_VARIABLE];
            return match companions.into_iter().find(|name| environment.get(name).is_some()) {
                Some(companion) => Err(without_proxy(companion)),
                None => Ok(None),
            };
        };
        let url = parse(&url).map_err(|error| error.in_variable(URL_VARIABLE))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let name = value_of(environment, NAME_VARIABLE)?;
        let name = name.as_deref().unwrap_or(host).trim().to_owned();
        let roots = match (environment.get(FILE_VARIABLE), environment.get(DATA_VARIABLE)) {
            (Some(file), None) => Roots::File { path: file.into(), last: Arc::default() },
            (None, Some(pem)) => Roots::Fixed(pem.into_bytes()),
            (Some(_), Some(_)) => return Err(two_authorities()),
            (None, None) => return Err(no_authority()),
        };
        Ok(Some(Self { url, name, roots }))
    }

    /// Where a request to this address goes: the proxy's, with the path behind the proxy's own.
    pub(in crate::source) fn address_of(&self, entra: &Url) -> Url {
        super::endpoint::join(&self.url, entra.path().trim_start_matches('/'))
    }

    /// What to do where nobody answers.
    pub(in crate::source) fn advice_on_absence(address: &str) -> String {
        format!(
            "nobody answers at {address}, the token proxy of {URL_VARIABLE}: leave that as the identity binding sets \
             it, and let network policies admit it; unset it and its companions where there is no binding"
        )
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response, Failure> {
        let roots = self.roots().await?;
        let stream = plain::connect(request.uri(), 443).await?;
        let stream = connect_trusting_only(roots, &self.name, stream).await;
        plain::send_over(stream.map_err(untrusted)?, request).await
    }

    async fn roots(&self) -> Result<Vec<u8>, Failure> {
        let (path, last) = match &self.roots {
            Roots::Fixed(pem) => return Ok(pem.clone()),
            Roots::File { path, last } => (path.clone(), last),
        };
        // On a thread of its own: a mount that hangs must hold up nobody but this request.
        let reading = Background::start("token-proxy-ca", move || read(path).map_err(Arc::new));
        let read = reading.map_err(unreadable)?.result().await.map_err(unreadable)?;
        let pem = read.map_err(unreadable)?;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if !pem.trim_ascii().is_empty() {
            *last = Some(pem);
        }
        last.clone().ok_or_else(|| unreadable("the file is empty"))
    }
}

fn read(path: PathBuf) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut pem)?;
    Ok(pem)
}

fn unreadable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    let problem = "the token proxy's certificate authority can't be read";
    Failure::of_set_up(problem, "AZURE_KUBERNETES_CA_FILE must name a readable PEM file", cause)
}

fn untrusted(error: TlsError) -> Failure {
    let problem = "no verified connection to the token proxy";
    Failure::new(TokenErrorKind::Unreachable, problem, Unverified(error)).with_hint(AS_SET)
}

/// What went wrong with TLS, without the hint, which is for servers.
#[derive(Debug)]
struct Unverified(TlsError);

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.problem())
    }
}

impl std::error::Error for Unverified {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// As in azidentity: HTTPS, and nothing that would not survive the path's being put behind it.
fn parse(text: &str) -> Result<Url, ConfigError> {
    let malformed = |problem| ConfigError::malformed(problem, AS_SET);
    let url = Url::parse(text.trim())
        .map_err(|error| malformed("the address is not a URL").with_cause(error))?;
    if url.scheme() != "https" || url.host_str().is_none_or(str::is_empty) {
        return Err(malformed("the token proxy's address is not an https:// URL"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(malformed(
            "the token proxy's address holds a user, a query or a fragment, which it can't have",
        ));
    }
    Ok(url)
}

fn without_proxy(variable: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "this variable belongs to an AKS identity binding, and AZURE_KUBERNETES_TOKEN_PROXY is not set",
        AS_SET,
    )
    .in_variable(variable)
}

fn two_authorities() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Conflict,
        "AZURE_KUBERNETES_CA_FILE and AZURE_KUBERNETES_CA_DATA are both set",
        "unset one of them",
    )
    .in_variable(DATA_VARIABLE)
}

fn no_authority() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "the token proxy has a certificate authority of its own, and this variable does not name it",
        AS_SET,
    )
    .in_variable(FILE_VARIABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: (&str, &str) = (URL_VARIABLE, "https://10.0.0.1:8443/base/");

    fn read_vars(vars: &[(&str, &str)]) -> Result<Option<TokenProxy>, ConfigError> {
        TokenProxy::from_environment(&Environment::from_vars(vars.iter().copied()))
    }

    #[test]
    fn the_path_goes_behind_that_of_the_proxy_and_the_name_is_the_variables() {
        let proxy = read_vars(&[PROXY, (DATA_VARIABLE, "x"), (NAME_VARIABLE, "x.ests.aks")]);
        let proxy = proxy.unwrap().unwrap();
        let entra = Url::parse("https://login.example/t/oauth2/v2.0/token").unwrap();
        let address = "https://10.0.0.1:8443/base/t/oauth2/v2.0/token";
        assert_eq!((proxy.address_of(&entra).as_str(), &*proxy.name), (address, "x.ests.aks"));
        let unnamed = read_vars(&[PROXY, (DATA_VARIABLE, "x")]).unwrap().unwrap();
        assert_eq!(unnamed.name, "10.0.0.1");
    }

    #[test]
    fn half_a_binding_names_what_is_wrong() {
        use ConfigErrorKind::{Conflict, Malformed, Missing};
        let cases = [
            (&[(NAME_VARIABLE, "x")][..], Missing, NAME_VARIABLE),
            (&[(FILE_VARIABLE, "x")], Missing, FILE_VARIABLE),
            (&[(DATA_VARIABLE, "x")], Missing, DATA_VARIABLE),
            (&[PROXY], Missing, FILE_VARIABLE),
            (&[PROXY, (FILE_VARIABLE, "x"), (DATA_VARIABLE, "x")], Conflict, DATA_VARIABLE),
            (&[(URL_VARIABLE, "http://10.0.0.1")], Malformed, URL_VARIABLE),
            (&[(URL_VARIABLE, "https://u:hunter2@10.0.0.1")], Malformed, URL_VARIABLE),
            (&[(URL_VARIABLE, "https://10.0.0.1?a=b")], Malformed, URL_VARIABLE),
            (&[(URL_VARIABLE, "https://10.0.0.1#a")], Malformed, URL_VARIABLE),
            (&[(URL_VARIABLE, "10.0.0.1")], Malformed, URL_VARIABLE),
        ];
        for (vars, kind, variable) in cases {
            let error = read_vars(vars).unwrap_err();
            assert_eq!((error.kind(), error.variable()), (kind, Some(variable)), "{vars:?}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        assert!(read_vars(&[]).unwrap().is_none());
    }
}
