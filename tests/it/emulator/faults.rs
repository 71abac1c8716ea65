//! Bad days on demand.

use std::{io, time::Duration};

use postgres_entra::emulator::{
    IdentityFault, LocalAzure, Login, Platform, ServerFault, TokenSpec,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_postgres::{NoTls, config::SslMode, error::SqlState};

use super::support::*;

const APP: Login = Login::ServicePrincipal;
const IMDS: &str = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";
/// Long enough for an answer on loopback, short enough to wait for one that must not come.
const SILENCE: Duration = Duration::from_millis(300);

async fn imds(azure: &LocalAzure) -> Answer {
    get(azure, IMDS, &[("Metadata", "true")]).await
}

#[tokio::test]
async fn a_status_comes_with_the_error_body_of_each_protocol() {
    let azure = faulty().await;
    azure.identity_service().set_fault(Some(IdentityFault::Status(503)));
    let imds = imds(&azure).await;
    assert_eq!((imds.status, imds.text("error")), (503, "unknown"));
    let app_service = get(&azure, "/msi/token", &[]).await;
    assert_eq!((app_service.status, &app_service.body["statusCode"]), (503, &503.into()));
    let entra = post_form(&azure, "/common/oauth2/v2.0/token", "").await;
    assert_eq!((entra.status, &entra.body["error_codes"][0]), (503, &90_033.into()));
}

#[tokio::test]
async fn a_retry_after_header_and_any_body_may_be_asked_for() {
    let azure = faulty().await;
    azure.identity_service().set_fault(Some(IdentityFault::retry_after(429, 7)));
    let answer = imds(&azure).await;
    assert_eq!(answer.status, 429);
    assert!(answer.head.to_lowercase().contains("\r\nretry-after: 7"), "{}", answer.head);

    azure.identity_service().set_fault(Some(IdentityFault::reply(502, "text/html", "<html>")));
    let answer = imds(&azure).await;
    assert_eq!((answer.status, answer.body.as_str()), (502, Some("<html>")));
    assert!(answer.head.to_lowercase().contains("\r\ncontent-type: text/html"));
}

#[tokio::test]
async fn an_outage_closes_new_and_open_connections() {
    let azure = faulty().await;
    let address = azure.identity_service().base_url().strip_prefix("http://").unwrap();
    let mut open = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {IMDS} HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n\r\n");
    open.write_all(request.as_bytes()).await.unwrap();
    assert!(open.read(&mut [0; 16_384]).await.unwrap() > 0);

    azure.identity_service().set_fault(Some(IdentityFault::Outage));
    assert!(exchange(&azure, &request).await.is_err());
    open.write_all(request.as_bytes()).await.unwrap();
    // A reset is as good as an end; what must not come is an answer.
    let read = timeout(LIMIT, open.read(&mut [0; 16])).await.unwrap();
    assert_eq!(read.unwrap_or(0), 0);

    azure.identity_service().set_fault(None);
    assert_eq!(imds(&azure).await.status, 200);
}

#[tokio::test]
async fn a_silent_service_never_answers_and_a_slow_one_does() {
    let azure = faulty().await;
    azure.identity_service().set_fault(Some(IdentityFault::Silent));
    assert!(timeout(SILENCE, imds(&azure)).await.is_err());
    azure.identity_service().set_fault(Some(IdentityFault::Delay(SILENCE)));
    let start = std::time::Instant::now();
    assert_eq!(imds(&azure).await.status, 200);
    assert!(start.elapsed() >= SILENCE);
}

#[tokio::test]
async fn cached_tokens_are_handed_out_again_until_caching_ends() {
    let azure = faulty().await;
    azure.identity_service().set_token_caching(true);
    let first = imds(&azure).await;
    let again = imds(&azure).await;
    assert_eq!(first.text("access_token"), again.text("access_token"));
    assert_eq!(first.text("expires_on"), again.text("expires_on"));
    azure.identity_service().set_token_caching(false);
    assert_ne!(first.text("access_token"), imds(&azure).await.text("access_token"));
}

#[tokio::test]
async fn the_life_of_tokens_can_be_set_and_their_number_read() {
    let azure = faulty().await;
    let before = azure.identity_service().tokens_issued();
    azure.identity_service().set_token_lifetime(Duration::from_secs(60));
    let answer = imds(&azure).await;
    azure.identity_service().set_token_lifetime(Duration::from_secs(3_600));
    assert_eq!(answer.text("expires_in"), "60");
    assert_eq!(azure.identity_service().tokens_issued(), before + 1);
}

#[tokio::test]
async fn a_server_without_tls_sees_whether_a_client_sends_its_password_in_clear() {
    let azure = faulty().await;
    azure.server().set_fault(Some(ServerFault::NoTls));
    let before = azure.server().passwords_received();
    let mut config = config(&azure, "aad_app", &token(&azure, APP));
    config.host("127.0.0.1").port(azure.server().port());

    config.ssl_mode(SslMode::Require);
    assert!(config.connect(NoTls).await.is_err());
    assert_eq!(azure.server().passwords_received(), before);
    config.ssl_mode(SslMode::Prefer);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(current_user(&client).await, "aad_app");
    assert_eq!(azure.server().passwords_received(), before + 1);
}

#[tokio::test]
async fn a_server_may_reset_or_say_nothing_before_or_after_tls() {
    let azure = faulty().await;
    azure.server().set_fault(Some(ServerFault::Reset));
    assert_eq!(dial(&azure).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    azure.server().set_fault(Some(ServerFault::Silent));
    assert!(timeout(SILENCE, dial(&azure)).await.is_err());
    azure.server().set_fault(Some(ServerFault::SilentAfterTls));
    let mut stream = dial(&azure).await.unwrap();
    assert!(timeout(SILENCE, stream.read_u8()).await.is_err());
}

#[tokio::test]
async fn a_server_that_is_starting_up_serves_after_so_many_logins() {
    let azure = faulty().await;
    azure.server().set_fault(Some(ServerFault::StartingUp { times: 2 }));
    let before = azure.server().passwords_received();
    for _ in 0..2 {
        let (sqlstate, message) = refusal(&azure, "aad_app", "hunter2").await;
        assert_eq!(sqlstate, "57P03");
        assert_eq!(message, "the database system is starting up");
    }
    assert_eq!(azure.server().passwords_received(), before);
    log_in(&azure, "aad_app", &token(&azure, APP)).await.unwrap();
}

#[tokio::test]
async fn a_server_may_refuse_or_close_after_the_password() {
    let azure = faulty().await;
    let rejected = azure.server().logins_rejected();
    azure.server().set_fault(Some(ServerFault::refuse("53300", "too many connections")));
    let expected = ("53300".to_owned(), "too many connections".to_owned());
    assert_eq!(refusal(&azure, "aad_app", &token(&azure, APP)).await, expected);
    assert_eq!(azure.server().logins_rejected(), rejected + 1);
    azure.server().set_fault(Some(ServerFault::CloseAfterPassword));
    let error = log_in(&azure, "aad_app", &token(&azure, APP)).await.unwrap_err();
    assert!(error.as_db_error().is_none());
}

#[tokio::test]
async fn tokens_of_before_can_be_made_to_count_as_expired() {
    let azure = faulty().await;
    let old = token(&azure, APP);
    azure.server().reject_tokens_issued_before_now();
    let new = token(&azure, APP);
    let (_, message) = refusal(&azure, "aad_app", &old).await;
    assert!(message.contains("access token has expired"), "{message}");
    log_in(&azure, "aad_app", &new).await.unwrap();
}

#[tokio::test]
async fn sessions_outlive_their_token_until_they_are_disconnected() {
    let azure = faulty().await;
    let accepted = azure.server().logins_accepted();
    let spec = TokenSpec::new(Login::UserAssigned(Platform::AppService)).expires_in(1);
    let token = azure.identity_service().mint_token(&spec);
    let client = log_in(&azure, "aad_user", &token).await.unwrap();
    assert_eq!(azure.server().logins_accepted(), accepted + 1);
    azure.server().reject_tokens_issued_before_now();
    assert_eq!(current_user(&client).await, "aad_user");

    azure.server().disconnect_all().await.unwrap();
    let error = client.simple_query("SELECT 1").await.unwrap_err();
    assert!(error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN), "{error:?}");
    let fresh = azure.identity_service().mint_token(&TokenSpec::new(APP));
    log_in(&azure, "aad_app", &fresh).await.unwrap();
}

#[tokio::test]
async fn a_restarted_server_has_the_same_port_and_data_and_no_sessions() {
    let azure = faulty().await;
    let address = azure.server().address();
    let client = log_in(&azure, "aad_app", &token(&azure, APP)).await.unwrap();
    client.batch_execute("CREATE SCHEMA kept").await.unwrap();

    azure.server().restart().await.unwrap();
    assert!(client.simple_query("SELECT 1").await.is_err());
    assert_eq!(azure.server().address(), address);
    let client = log_in(&azure, "aad_app", &token(&azure, APP)).await.unwrap();
    client.batch_execute("DROP SCHEMA kept").await.unwrap();
}

#[tokio::test]
async fn a_new_certificate_authority_signs_what_is_shown_and_is_first_in_the_file() {
    let azure = LocalAzure::start().await.unwrap();
    let open = log_in(&azure, "aad_app", &token(&azure, APP)).await.unwrap();
    let first = tls_config(&azure);
    azure.server().replace_certificate_authority().unwrap();
    let direct = async |mut config: rustls::ClientConfig| {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        let socket = TcpStream::connect(azure.server().address()).await?;
        handshake(&azure, config, socket).await
    };
    assert!(direct(first).await.is_err(), "the first authority is that of old certificates");
    direct(tls_config(&azure)).await.unwrap();
    assert_eq!(current_user(&open).await, "aad_app", "sessions go on");
    let certificates = std::fs::read_to_string(azure.ca_certificate()).unwrap();
    assert_eq!(certificates.matches("BEGIN CERTIFICATE").count(), 2);
}
