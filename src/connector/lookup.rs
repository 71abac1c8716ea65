//! From a server's name to its addresses.

use std::{error::Error as StdError, io, net::SocketAddr};

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    config::Host,
    error::{ConnectError, Error},
};

/// What turns a name and a port into addresses.
pub(crate) type Resolver = fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// The operating system's resolver.
pub(crate) fn system_resolver(
    name: String,
    port: u16,
) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) }.boxed()
}

/// The address in the settings, or those that the name resolves to.
pub(crate) async fn addresses(host: &Host, resolver: Resolver) -> Result<Vec<SocketAddr>, Error> {
    if let Some(address) = host.address() {
        return Ok(vec![SocketAddr::new(address, host.port())]);
    }
    let found = resolver(host.name().to_owned(), host.port()).await;
    let found = found.map_err(|error| unresolved(host, error))?;
    if found.is_empty() {
        return Err(unresolved(host, "the name has no address"));
    }
    Ok(found)
}

pub(super) fn unresolved(host: &Host, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    ConnectError::unresolved(host.name(), host.port(), cause).into()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{
        AccessToken, Connector, Settings, TokenError, TokenErrorKind,
        connector::driver::{Attempt, Driver},
        error::Stage,
        source::from_fn,
    };

    const SERVER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5432);

    /// A server that lets everybody in at once.
    struct Welcoming;

    impl Driver for Welcoming {
        type Session = SocketAddr;

        const BRINGS_TLS: bool = true;

        async fn log_in(&self, attempt: Attempt<'_>) -> Result<SocketAddr, Error> {
            Ok(attempt.address)
        }
    }

    fn within_three_seconds(
        _name: String,
        _port: u16,
    ) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        async {
            sleep(Duration::from_secs(3)).await;
            Ok(vec![SERVER])
        }
        .boxed()
    }

    fn never(_name: String, _port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        std::future::pending().boxed()
    }

    /// The identity service takes so long to give this, and the resolver is that.
    fn connector(
        latency: u64,
        token: fn() -> Result<AccessToken, TokenError>,
        resolver: Resolver,
    ) -> Connector {
        let source = from_fn(move |_scope| async move {
            sleep(Duration::from_secs(latency)).await;
            token()
        });
        let vars = [
            ("PGHOST", "contoso.postgres.database.azure.com"),
            ("PGDATABASE", "orders"),
            ("PGUSER", "app"),
        ];
        let settings = Settings::from_vars(vars).unwrap();
        let builder = Connector::builder().settings(settings).token_source(source);
        let mut connector = builder.build().unwrap();
        Arc::get_mut(&mut connector.0).unwrap().servers.resolver = resolver;
        connector
    }

    fn a_token() -> Result<AccessToken, TokenError> {
        let an_hour = Duration::from_secs(3600);
        AccessToken::new("eyJ0.eyJh.c2ln", std::time::SystemTime::now() + an_hour)
    }

    fn no_token() -> Result<AccessToken, TokenError> {
        Err(TokenError::new(TokenErrorKind::Denied, "test", "on purpose"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_connect_takes_as_long_as_the_slower_of_token_and_name() {
        for (latency, expected) in [(0, 3), (2, 3), (5, 5)] {
            let connector = connector(latency, a_token, within_three_seconds);
            let started = Instant::now();
            assert_eq!(connector.open(&Welcoming).await.unwrap(), SERVER);
            assert_eq!(started.elapsed().as_secs(), expected, "a token within {latency} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_without_a_token_fails_without_waiting_for_the_name() {
        let connector = connector(1, no_token, never);
        let started = Instant::now();
        assert!(matches!(connector.open(&Welcoming).await, Err(Error::Token(_))));
        assert_eq!(started.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_never_resolves_is_what_the_deadline_interrupts() {
        let error = connector(1, a_token, never).open(&Welcoming).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { stage: Stage::Dns, .. }), "{error}");
    }
}
