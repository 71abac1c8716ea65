//! What each application does with the crate: it asks for tokens, and connects as far as TLS. All on loopback.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::{ClientOptions, RetryOptions},
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use postgres_entra::{
    AccessToken, Connector, Error, Identity, Settings, TokenErrorKind, TokenSource,
    settings::Host,
    source::{ClientSecret, Credential, from_fn},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const HOST: &str = "contoso.postgres.database.azure.com";
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Every client that has TLS gets as far as the network.
pub async fn use_every_client() {
    our_https_client_asks().await;
    a_credential_of_azure_identity_asks().await;
    a_connect_reaches_the_handshake().await;
}

async fn our_https_client_asks() {
    let (_socket, authority) = refusing_authority();
    let source = ClientSecret::new("tenant", "client", "not-a-secret").expect("a source");
    let source = source.with_authority_host(&authority).expect("an address");
    is_unreachable(&source).await;
}

/// It has an HTTP client of its own, with the features that reqwest has in this build.
async fn a_credential_of_azure_identity_asks() {
    let (_socket, authority) = refusing_authority();
    let source = Credential::from_factory(move || {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&authority);
        let client_options = ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let options = ClientSecretCredentialOptions { client_options };
        let secret = String::from("not-a-secret").into();
        Ok(ClientSecretCredential::new("tenant", "client".into(), secret, Some(options))?)
    });
    is_unreachable(&source).await;
}

async fn is_unreachable(source: &dyn TokenSource) {
    let error = source.fetch_token(SCOPE).await.expect_err("nobody answers");
    assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{error:?}");
}

async fn a_connect_reaches_the_handshake() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let host = Host::new(HOST, listener.local_addr().expect("an address").port());
    let settings = Settings::for_hosts(
        vec![host.with_address(Ipv4Addr::LOCALHOST.into())],
        Identity::SystemAssigned,
    );
    let hour = Duration::from_secs(3600);
    let connector = Connector::builder()
        .settings(settings.with_user("aad_app"))
        .token_source(from_fn(move |_| async move {
            AccessToken::new("not.a.token", SystemTime::now() + hour)
        }))
        .deadline(Duration::from_secs(20))
        .build()
        .expect("a connector");
    let connecting = tokio::spawn(async move { connector.connect().await });

    let (mut socket, _) = listener.accept().await.expect("a client");
    let mut request = [0; 8];
    socket.read_exact(&mut request).await.expect("the request for TLS");
    socket.write_all(b"S").await.expect("a client that listens");
    assert_eq!(socket.read_u8().await.expect("a handshake"), TLS_HANDSHAKE);
    // No TLS: the client gives up.
    socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("a client that listens");
    drop((socket, listener));
    let error = connecting.await.expect("no panic").expect_err("no server");
    assert!(
        matches!(error, Error::Tls(_) | Error::Connect(_) | Error::Timeout { .. }),
        "{error:?}"
    );
}

/// An address of a port that refuses connections, as long as the socket lives.
fn refusing_authority() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let address = socket.local_addr().expect("an address");
    (socket, format!("https://{address}"))
}
