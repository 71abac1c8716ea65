//! HTTPS to Microsoft Entra ID, over the TLS stack that PostgreSQL connections use.

use std::{
    error::Error as StdError,
    iter,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::client::{Body, Failure, Request, Response};
use crate::{
    error::{TokenErrorKind, cause},
    excerpt::Shown,
};

/// Entra may lie behind a proxy and half a continent: enough for several lost packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that is built at its first request, off the async threads: reading the system's
/// certificate authorities takes native-tls some 55 ms. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::source) struct HttpsClient(Arc<Mutex<Option<reqwest::Client>>>);

impl HttpsClient {
    pub(super) async fn send(&self, request: Request) -> Result<Response, Failure> {
        let request = reqwest::Request::try_from(request).map_err(Failure::of_https)?;
        let answer = self.get().await?.execute(request).await.map_err(Failure::of_https)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Response { status, headers, body: Body::Https(answer) })
    }

    async fn get(&self) -> Result<reqwest::Client, Failure> {
        // Only a thread that builds the client holds the lock for long.
        if let Some(client) = self.0.try_lock().ok().and_then(|client| client.clone()) {
            return Ok(client);
        }
        let this = self.clone();
        match tokio::task::spawn_blocking(move || this.get_or_build()).await {
            Ok(client) => client,
            Err(panic) => Err(no_client(Shown::of(&panic))),
        }
    }

    /// Blocks. Whoever comes meanwhile waits for this thread, and not for a task of a runtime that
    /// perhaps nobody runs.
    fn get_or_build(&self) -> Result<reqwest::Client, Failure> {
        let mut client = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*client {
            Some(client) => Ok(client.clone()),
            None => Ok(client.insert(build()?).clone()),
        }
    }
}

/// A token is fetched about once an hour, so no connection is kept for the next one.
fn build() -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none());
    with_tls(builder)?.build().map_err(no_client)
}

#[cfg(feature = "native-tls")]
#[expect(clippy::unnecessary_wraps, reason = "the rustls stack can fail here")]
fn with_tls(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Failure> {
    Ok(builder.tls_backend_native())
}

#[cfg(all(feature = "rustls", not(feature = "native-tls")))]
fn with_tls(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Failure> {
    let config = crate::tls::rustls_client_config(Vec::new()).map_err(no_client)?;
    Ok(builder.tls_backend_preconfigured(config))
}

const AUTHORITIES: &str = "install the system's certificate authorities (ca-certificates)";

const UNTRUSTED: &str = "trust the authority that signed it: add that to the system's certificate \
                         authorities, or to the file in SSL_CERT_FILE; where a proxy inspects TLS that \
                         is the proxy's own, and login.microsoftonline.com can be exempted there";

const PROXY_LOGIN: &str =
    "put user and password into HTTPS_PROXY, or name the identity service's host in NO_PROXY";

/// A certificate that was refused, for whatever reason.
fn untrusted(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Failure {
    let problem = "the certificate of the identity service was not accepted";
    Failure::of_set_up(problem, UNTRUSTED, cause)
}

fn locked_proxy(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Failure {
    Failure::of_set_up("the proxy asks for a login", PROXY_LOGIN, cause)
}

fn no_client(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Failure {
    Failure::of_set_up("HTTPS can't be set up on this machine", AUTHORITIES, cause)
}

impl Failure {
    /// The libraries tell a refused certificate, and a proxy that wants a login, by their texts alone.
    pub(super) fn of_https(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::new(TokenErrorKind::Configuration, "the request can't be sent", error);
        }
        if cause::find::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
            return Self::unreadable(error);
        }
        if !error.is_connect() {
            return Self::broken(error);
        }
        let says = |text| {
            let chain = iter::once(&error as &(dyn StdError + 'static)).chain(cause::all(&error));
            chain.into_iter().any(|error| error.to_string().to_ascii_lowercase().contains(text))
        };
        if says("proxy authorization required") {
            locked_proxy(error)
        } else if says("certificate") {
            untrusted(error)
        } else {
            Self::no_connection(error)
        }
    }
}

/// What it takes a proxy or a machine of its own to see, for the list of all errors.
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) fn failures_of_https() -> [crate::error::TokenError; 3] {
    [untrusted("?"), locked_proxy("?"), no_client("?")].map(|failure| failure.into_error("source"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::HttpsClient;

    /// The first caller's runtime stops while the client is being built for it.
    #[tokio::test]
    async fn a_runtime_that_nobody_runs_holds_up_no_other() {
        let client = HttpsClient::default();
        let shared = client.clone();
        let begun = std::thread::spawn(move || {
            let stopped = Builder::new_current_thread().build().unwrap();
            let task = stopped.spawn(async move { shared.get().await.is_ok() });
            // Runs as far as the first wait, and no further.
            stopped.block_on(tokio::task::yield_now());
            (stopped, task)
        });
        let (stopped, task) = begun.join().unwrap();
        let built = tokio::time::timeout(Duration::from_secs(30), client.get()).await;
        assert!(built.expect("it waits for the other runtime").is_ok());
        drop(task);
        stopped.shutdown_background();
    }
}
