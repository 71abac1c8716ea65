//! HTTPS to Microsoft Entra ID, over the TLS stack that PostgreSQL connections use.

use std::{pin::Pin, time::Duration};

use azure_core::{
    Error, Result,
    error::{ErrorKind, ResultExt},
    http::{AsyncRawResponse, HttpClient, Request},
};
use tokio::sync::OnceCell;

/// Entra may lie behind a proxy and half a continent: enough for several lost packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that is built at its first request, off the async threads: reading the system's
/// certificate authorities takes native-tls some 55 ms.
#[derive(Debug, Default)]
pub(super) struct HttpsClient(OnceCell<reqwest::Client>);

impl HttpsClient {
    async fn get(&self) -> Result<&reqwest::Client> {
        self.0.get_or_try_init(build_off_thread).await
    }
}

impl HttpClient for HttpsClient {
    fn execute_request<'client, 'request, 'future>(
        &'client self,
        request: &'request Request,
    ) -> Pin<Box<dyn Future<Output = Result<AsyncRawResponse>> + Send + 'future>>
    where
        'client: 'future,
        'request: 'future,
        Self: 'future,
    {
        Box::pin(async move { self.get().await?.execute_request(request).await })
    }
}

async fn build_off_thread() -> Result<reqwest::Client> {
    match tokio::task::spawn_blocking(build).await {
        Ok(client) => client,
        Err(panic) => Err(Error::new(ErrorKind::Other, panic)),
    }
}

/// A token is fetched about once an hour, so no connection is kept for the next one.
fn build() -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none());
    with_tls(builder)?.build().with_context(ErrorKind::Other, "the HTTPS client can't be built")
}

#[cfg(feature = "native-tls")]
#[expect(clippy::unnecessary_wraps, reason = "the rustls stack can fail here")]
fn with_tls(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
    Ok(builder.tls_backend_native())
}

#[cfg(all(feature = "rustls", not(feature = "native-tls")))]
fn with_tls(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
    let config = crate::tls::rustls_client_config(Vec::new())
        .map_err(|error| Error::new(ErrorKind::Other, error))?;
    Ok(builder.tls_backend_preconfigured(config))
}
