//! Logging in, and being refused.

use postgres_entra::emulator::{LocalAzure, Login, Platform, PrincipalType, TokenSpec};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_postgres::{NoTls, error::SqlState};

use super::support::*;
use crate::support::sleeps;

const APP: Login = Login::ServicePrincipal;
const USER: Login = Login::UserAssigned(Platform::AppService);

#[tokio::test]
async fn each_login_opens_the_role_of_its_principal() {
    let azure = azure();
    for &login in Login::ALL {
        let role = azure.server().role(login);
        let password = match login {
            Login::Password => azure.server().role_password().to_owned(),
            login => token(azure, login),
        };
        let client = log_in(azure, role, &password).await.unwrap();
        assert_eq!(current_user(&client).await, role, "{login:?}");
    }
}

#[tokio::test]
async fn the_user_assigned_identity_may_log_in_under_its_own_name() {
    let client = log_in(azure(), "orders-identity", &token(azure(), USER)).await.unwrap();
    assert_eq!(current_user(&client).await, "orders-identity");
}

#[tokio::test]
async fn roles_may_do_what_service_connector_grants_and_are_no_superusers() {
    let client = log_in(azure(), "aad_app", &token(azure(), APP)).await.unwrap();
    let own_schema = "CREATE TEMP TABLE mine (); CREATE SCHEMA mine; DROP SCHEMA mine";
    client.batch_execute(own_schema).await.unwrap();
    let row = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await;
    // Before version 15 everyone may.
    let may_create = row.unwrap().get::<_, i32>(0) < 150_000;
    let created = client.batch_execute("CREATE TABLE public.mine (); DROP TABLE public.mine").await;
    match created {
        Ok(()) => assert!(may_create),
        Err(error) => {
            assert!(!may_create);
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
        }
    }
    let row = client.query_one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", &[]);
    assert!(!row.await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn roles_may_create_tables_where_that_is_asked_for() {
    let azure = LocalAzure::builder().roles_may_create_tables().start().await.unwrap();
    let client = log_in(&azure, "aad_app", &token(&azure, APP)).await.unwrap();
    client.batch_execute("CREATE TABLE public.mine ()").await.unwrap();
}

#[tokio::test]
async fn a_token_is_refused_in_the_words_of_azure() {
    let azure = azure();
    let mint = |spec: TokenSpec| azure.identity_service().mint_token(&spec);
    let mut forged = token(azure, APP);
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    let cases = [
        (
            "hunter2".to_owned(),
            "28000",
            "The access token has invalid format. Please ensure the token is passed exactly as returned by the authentication endpoint and retry.",
        ),
        (
            format!("\"{}\"", token(azure, APP)),
            "28000",
            "The access token has invalid format. Please ensure the token is passed exactly as returned by the authentication endpoint and retry.",
        ),
        (
            forged,
            "28000",
            "An error occurred while validating the access token. Please acquire a new token and retry",
        ),
        (
            mint(TokenSpec::new(APP).expires_in(-1)),
            "28000",
            "The access token has expired. Acquire a new token and try again.",
        ),
        (
            mint(TokenSpec::new(APP).audience("https://management.azure.com")),
            "28000",
            "The access token does not have a valid audience claim. Please acquire a new token for the resource \"https://ossrdbms-aad.database.windows.net\".",
        ),
        (
            mint(TokenSpec::new(APP).claim("tid", "00000000-1111-2222-3333-444444444444")),
            "28000",
            "An error occurred while validating the access token. Please acquire a new token and retry",
        ),
        (
            mint(TokenSpec::new(APP).without_claim("oid")),
            "28000",
            "The access token doesn't have a valid oid claim. Acquire a new token and try again.",
        ),
        (
            mint(TokenSpec::new(APP).of_user("ann@contoso.com")),
            "28000",
            "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \"aad_app\".",
        ),
        (
            token(azure, USER),
            "28000",
            "Service principal oid mismatch for role \"The oid in the security label [e60c5b74-3a2d-4c81-9f46-5d8b1e0a7c05] does not match the appid [d4f17c25-6e98-4ba0-bf73-825a1c3e9d04] or oid [b98e4a63-1f5c-4d72-8e30-4c6a7d9b0f03] in the token.\"",
        ),
        (String::new(), "28P01", "empty password returned by client"),
    ];
    for (password, sqlstate, message) in cases {
        let refusal = refusal(azure, "aad_app", &password).await;
        assert_eq!(refusal, (sqlstate.to_owned(), message.to_owned()));
    }
}

/// The refusal names both ids of the token, and either may be in the label.
#[tokio::test]
async fn a_role_may_be_mapped_to_the_application_of_a_service_principal() {
    let azure = azure();
    azure.server().execute("CREATE ROLE by_application LOGIN").await.unwrap();
    let client_id = APP.client_id().unwrap();
    azure.server().map_role("by_application", client_id, PrincipalType::Service).unwrap();
    let client = log_in(azure, "by_application", &token(azure, APP)).await.unwrap();
    assert_eq!(current_user(&client).await, "by_application");
}

#[tokio::test]
async fn an_unknown_role_and_a_wrong_password_are_refused_alike() {
    let azure = azure();
    for role in ["nobody", "postgres", "pgappuser"] {
        let expected = format!("password authentication failed for user \"{role}\"");
        let refusal = refusal(azure, role, &token(azure, APP)).await;
        assert_eq!(refusal, ("28P01".to_owned(), expected));
    }
}

/// The server cuts names off at 63 bytes, here as in Azure.
#[tokio::test]
async fn a_role_name_that_is_too_long_means_the_role_that_it_begins_with() {
    let azure = azure();
    let long = "long".repeat(20);
    let (_, message) = refusal(azure, &long, &token(azure, APP)).await;
    assert_eq!(message, format!("password authentication failed for user \"{}\"", &long[..63]));

    azure.server().execute(&format!("CREATE ROLE {} LOGIN", &long[..63])).await.unwrap();
    let object_id = APP.object_id().unwrap();
    azure.server().map_role(&long[..63], object_id, PrincipalType::Service).unwrap();
    let client = log_in(azure, &long, &token(azure, APP)).await.unwrap();
    assert_eq!(current_user(&client).await, &long[..63]);
}

/// The server would serve the last one.
#[tokio::test]
async fn a_second_user_in_the_startup_message_is_not_served() {
    let mut stream = dial(azure()).await.unwrap();
    let fields = b"\0\x03\0\0user\0aad_app\0user\0postgres\0database\0postgres\0\0";
    let length = (fields.len() as u32 + 4).to_be_bytes();
    stream.write_all(&[&length, &fields[..]].concat()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn roles_may_be_mapped_to_people_and_unmapped_while_the_server_runs() {
    let azure = azure();
    let oid = "5f0c1a2b-0000-4000-8000-00000000000a";
    azure.server().execute("CREATE ROLE \"ann@contoso.com\" LOGIN").await.unwrap();
    azure.server().map_role("ann@contoso.com", oid, PrincipalType::User).unwrap();

    let spec = TokenSpec::new(APP).of_user("ann@contoso.com").claim("oid", oid);
    let anns = azure.identity_service().mint_token(&spec);
    let client = log_in(azure, "ann@contoso.com", &anns).await.unwrap();
    assert_eq!(current_user(&client).await, "ann@contoso.com");
    let (_, message) = refusal(azure, "ann@contoso.com", &token(azure, APP)).await;
    assert_eq!(
        message,
        "Microsoft Entra user token for role \"ann@contoso.com\" is neither an AAD_AUTH_TOKENTYPE_APP_USER or an AAD_AUTH_TOKENTYPE_APP_OBO token."
    );

    azure.server().unmap_role("ann@contoso.com").unwrap();
    assert_eq!(refusal(azure, "ann@contoso.com", &anns).await.0, "28P01");
}

#[tokio::test]
async fn a_client_without_tls_is_refused_in_place_of_the_question_for_its_password() {
    let azure = azure();
    let mut config = config(azure, "aad_app", "hunter2");
    config.host("127.0.0.1").port(azure.server().port());
    let error = config.connect(NoTls).await.err().unwrap();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code(), &SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    assert_eq!(
        error.message(),
        "no pg_hba.conf entry for host \"127.0.0.1\", user \"aad_app\", database \"orders\", no encryption"
    );
}

#[tokio::test]
async fn direct_tls_serves_clients_that_name_the_protocol() {
    let azure = azure();
    let mut tls = tls_config(azure);
    tls.alpn_protocols = vec![b"postgresql".to_vec()];
    let socket = TcpStream::connect(azure.server().address()).await.unwrap();
    let stream = handshake(azure, tls, socket).await.unwrap();
    let config = config(azure, "aad_app", &token(azure, APP));
    let (client, connection) = config.connect_raw(stream, NoTls).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(current_user(&client).await, "aad_app");
}

#[tokio::test]
async fn direct_tls_without_the_protocol_name_is_closed() {
    let azure = azure();
    let socket = TcpStream::connect(azure.server().address()).await.unwrap();
    let stream = handshake(azure, tls_config(azure), socket).await.unwrap();
    let config = config(azure, "aad_app", "hunter2");
    let error = config.connect_raw(stream, NoTls).await.err().unwrap();
    assert!(error.as_db_error().is_none(), "{error:?}");
}

#[tokio::test]
async fn gss_encryption_is_declined_and_tls_may_follow() {
    const GSS_ENCRYPTION_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
    let mut socket = TcpStream::connect(azure().server().address()).await.unwrap();
    socket.write_all(&GSS_ENCRYPTION_REQUEST).await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), b'N');
    socket.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), b'S');
}

#[tokio::test]
async fn a_malformed_opening_is_closed_without_an_answer() {
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[0xff; 8], &[0, 0, 0, 4]] {
        let mut socket = TcpStream::connect(azure().server().address()).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        // A reset is as good as an end.
        let read = socket.read(&mut [0; 16]).await.unwrap_or(0);
        assert_eq!(read, 0);
    }
}

#[tokio::test]
async fn a_cancel_request_reaches_the_backend() {
    let azure = azure();
    let client = log_in(azure, "aad_app", &token(azure, APP)).await.unwrap();
    let cancel = client.cancel_token();
    let sleeping = tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(60)").await });
    sleeps(&log_in(azure, "aad_app", &token(azure, APP)).await.unwrap()).await;

    cancel.cancel_query_raw(dial(azure).await.unwrap(), NoTls).await.unwrap();
    let error = sleeping.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
}

#[tokio::test]
async fn no_option_of_a_start_up_message_makes_a_superuser_of_anybody() {
    let azure = azure();
    let token = token(azure, Login::ServicePrincipal);
    let hostile = [
        "-c session_authorization=postgres",
        "--session_authorization=postgres",
        "-c role=postgres",
        "-c is_superuser=on",
    ];
    for options in hostile {
        let mut config = config(azure, "aad_app", &token);
        config.options(options);
        let stream = dial(azure).await.unwrap();
        // Refused, or of no effect.
        let Ok((client, connection)) = config.connect_raw(stream, NoTls).await else { continue };
        tokio::spawn(connection);
        let question =
            "SELECT rolsuper FROM pg_roles WHERE rolname IN (current_user, session_user)";
        for row in client.query(question, &[]).await.unwrap() {
            assert!(!row.get::<_, bool>(0), "{options}");
        }
    }
}
