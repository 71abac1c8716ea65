//! What the identity service answers is heard by whoever waits, also while the source tries again.

use std::{
    error::Error as StdError,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::http::{Server, answer, answer_with};
use postgres_entra::{
    Connector, Error, Identity, Settings, Stage, TokenError, TokenSource,
    settings::Host,
    source::{AppService, ClientSecret, Imds},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

fn sources(url: &str) -> [Arc<dyn TokenSource>; 3] {
    let secret = ClientSecret::new("tenant", "client", "secret-value").unwrap();
    [
        Arc::new(Imds::new().with_base_url(url).unwrap()),
        Arc::new(AppService::new(url, "header-value").unwrap()),
        Arc::new(secret.with_authority_host(url).unwrap()),
    ]
}

/// A connector that never gets as far as its server.
fn connector(source: Arc<dyn TokenSource>, deadline: Duration) -> Connector {
    let host = Host::new("contoso.postgres.database.azure.com", 1);
    let host = host.with_address(Ipv4Addr::LOCALHOST.into());
    let settings = Settings::for_hosts(vec![host], Identity::SystemAssigned).with_user("aad_app");
    let builder = Connector::builder().settings(settings).token_source(source);
    builder.deadline(deadline).build().unwrap()
}

fn status(error: &(dyn StdError + 'static)) -> Option<u16> {
    error.downcast_ref::<TokenError>().and_then(TokenError::status)
}

#[tokio::test]
async fn a_wait_that_outlasts_the_deadline_is_told_at_once_with_its_reason() {
    const DEADLINE: Duration = Duration::from_secs(20);
    for code in [429, 503, 500] {
        for index in 0..3 {
            let server = Server::start([answer_with(code, "retry-after: 60\r\n", "busy")]).await;
            let connector = connector(sources(&server.url())[index].clone(), DEADLINE);
            let start = Instant::now();
            let error = connector.connect().await.unwrap_err();
            assert!(start.elapsed() < DEADLINE / 2, "{error}");
            let Error::Token(token) = &error else { panic!("{error:?}") };
            assert_eq!((token.status(), error.is_transient()), (Some(code), true), "{error:?}");
            // The fetch goes on for those who come later.
            let stats = connector.token_cache().unwrap().stats();
            assert_eq!((stats.fetches, stats.failures), (1, 0));
            assert_eq!(stats.last_error.unwrap().status(), Some(code));
        }
    }
}

/// Answers the first request with these bytes, and none after it.
async fn answering_once(bytes: Vec<u8>) -> (String, tokio::task::JoinHandle<Vec<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        first.write_all(&bytes).await.unwrap();
        first.shutdown().await.unwrap();
        let mut held = vec![first];
        while let Ok((silent, _)) = listener.accept().await {
            held.push(silent);
        }
        held
    });
    (url, task)
}

#[tokio::test]
async fn the_last_answer_is_the_cause_of_a_timeout_and_chooses_its_hint() {
    for index in 0..3 {
        let (url, server) = answering_once(answer(503, "the service is being updated")).await;
        let connector = connector(sources(&url)[index].clone(), Duration::from_secs(3));
        let error = connector.connect().await.unwrap_err();
        let Error::Timeout { stage: Stage::Token, last: Some(last), .. } = &error else {
            panic!("{error:?}")
        };
        let Error::Token(token) = &**last else { panic!("{error:?}") };
        assert_eq!(token.status(), Some(503));
        assert_eq!(error.hint(), token.hint());
        assert!(format!("{error:?}").contains("the service is being updated"), "{error:?}");
        let report = connector.diagnose().await.to_string();
        assert!(report.contains("the service is being updated"), "{report}");
        server.abort();
    }
}

#[tokio::test]
async fn of_a_service_that_never_answers_the_timeout_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connector = connector(sources(&url)[0].clone(), Duration::from_secs(1));
    let error = connector.connect().await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { stage: Stage::Token, last: None, .. }), "{error:?}");
    assert!(error.hint().contains("reaches the identity service"), "{error}");
    assert!(error.source().and_then(status).is_none());
}
