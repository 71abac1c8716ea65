//! Logins to a real PostgreSQL, with nothing but the variables that Azure sets.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use crate::support::{
    WRONG_SECRET, chain, shared_azure, sleeps, vars_with_wrong_secret, with_direct_tls,
};
use postgres_entra::{
    AccessToken, ConnectionNames, Connector, Environment, Error, Identity, RejectionReason, Secret,
    Settings, TlsBackend, TokenErrorKind,
    emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform, ServerFault, TokenSpec},
    settings::SslNegotiation,
    source,
};
use tokio_postgres::error::SqlState;

/// What the tokens of the user-assigned identity call it, in the claim `xms_mirid`.
const NAME_OF_THE_IDENTITY: &str = "orders-identity";

/// A connector from the variables, whose tokens come from `mint` instead.
fn connector_with_token(
    azure: &LocalAzure,
    login: Login,
    mint: impl Fn() -> String + Send + Sync + 'static,
) -> postgres_entra::ConnectorBuilder {
    let settings = Settings::from_vars(azure.vars(login, ClientType::Python)).unwrap();
    Connector::builder().settings(settings).token_source(source::from_fn(move |_scope| {
        let token = AccessToken::new(mint(), SystemTime::now() + Duration::from_secs(3600));
        async move { token }
    }))
}

#[tokio::test]
async fn every_kind_of_identity_logs_in_with_every_kind_of_client() {
    let azure = shared_azure();
    for &login in Login::ALL {
        for &client_type in ClientType::ALL {
            let connector = Connector::from_vars(azure.vars(login, client_type))
                .unwrap_or_else(|error| panic!("{login:?}, {client_type:?}: {}", chain(&error)));
            let client = connector
                .connect()
                .await
                .unwrap_or_else(|error| panic!("{login:?}, {client_type:?}: {}", chain(&error)));
            let row = client
                .query_one("SELECT current_user::text, current_database()::text", &[])
                .await
                .unwrap();
            assert_eq!(row.get::<_, &str>(0), azure.server().role(login), "{login:?}");
            assert_eq!(row.get::<_, &str>(1), azure.server().database());
        }
    }
}

#[tokio::test]
async fn tls_may_begin_without_being_asked_for() {
    let azure = shared_azure();
    let login = Login::SystemAssigned(Platform::AppService);
    for &backend in TlsBackend::ALL {
        let vars = with_direct_tls(azure.vars(login, ClientType::Python));
        let environment = Environment::from_vars(vars);
        let connector = Connector::builder().environment(environment).tls_backend(backend);
        let connector = connector.build().unwrap();
        assert_eq!(connector.settings().ssl_negotiation(), SslNegotiation::Direct);
        let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(current_user(&client).await, azure.server().role(login), "{backend:?}");

        // A cancel request takes the same way.
        let token = client.cancel_token();
        let (sleep, cancelled) = tokio::join!(client.batch_execute("SELECT pg_sleep(60)"), async {
            sleeps(&connector.connect().await.unwrap()).await;
            connector.cancel_query(&token).await
        });
        cancelled.unwrap();
        assert_eq!(sleep.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED), "{backend:?}");
    }
}

#[tokio::test]
async fn a_second_connect_reuses_the_token() {
    let azure = LocalAzure::start().await.unwrap();
    let vars = azure.vars(Login::SystemAssigned(Platform::AppService), ClientType::Python);
    let connector = Connector::from_vars(vars).unwrap();
    for _ in 0..3 {
        connector.connect().await.unwrap();
    }
    assert_eq!(azure.identity_service().request_count(), 1);
}

#[tokio::test]
async fn clones_and_connectors_that_share_a_cache_share_the_token() {
    let azure = LocalAzure::start().await.unwrap();
    let vars = azure.vars(Login::SystemAssigned(Platform::VirtualMachine), ClientType::Go);
    let first = Connector::from_vars(vars.clone()).unwrap();
    let second = Connector::builder()
        .settings(Settings::from_vars(vars).unwrap())
        .token_cache(first.token_cache().unwrap().clone())
        .build()
        .unwrap();
    let clone = first.clone();
    let (one, two, three) = tokio::join!(first.connect(), clone.connect(), second.connect());
    for client in [one, two, three] {
        client.unwrap();
    }
    assert_eq!(azure.identity_service().request_count(), 1);
}

#[tokio::test]
async fn a_query_is_cancelled_over_tls() {
    let azure = shared_azure();
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Other);
    let connector = Connector::from_vars(vars).unwrap();
    let client = connector.connect().await.unwrap();
    let token = client.cancel_token();
    let (sleep, cancel) = tokio::join!(client.batch_execute("SELECT pg_sleep(60)"), async {
        sleeps(&connector.connect().await.unwrap()).await;
        connector.cancel_query(&token).await
    });
    cancel.unwrap();
    assert_eq!(sleep.unwrap_err().code().map(SqlState::code), Some("57014"));
}

#[tokio::test]
async fn without_a_user_the_name_of_a_user_assigned_identity_is_taken_from_the_token() {
    let azure = shared_azure();
    let login = Login::UserAssigned(Platform::AppService);
    let mut vars = azure.vars(login, ClientType::Other);
    vars.retain(|(name, _)| name != "AZURE_POSTGRESQL_USERNAME");
    let client = Connector::from_vars(vars).unwrap().connect().await.unwrap();
    assert_eq!(current_user(&client).await, NAME_OF_THE_IDENTITY);
}

async fn current_user(client: &tokio_postgres::Client) -> String {
    client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn without_a_user_a_system_assigned_identity_gets_an_error_that_says_what_to_set() {
    let mut vars =
        shared_azure().vars(Login::SystemAssigned(Platform::AppService), ClientType::Other);
    vars.retain(|(name, _)| name != "AZURE_POSTGRESQL_USERNAME");
    let error = Connector::from_vars(vars).unwrap().connect().await.unwrap_err();
    assert!(error.is_config(), "{}", chain(&error));
    assert!(error.to_string().contains("PGUSER"), "{error}");
}

#[tokio::test]
async fn without_a_user_a_management_token_is_asked_for_a_name_if_that_is_allowed() {
    let azure = shared_azure();
    let login = Login::UserAssigned(Platform::AppService);
    let mut vars = azure.vars(login, ClientType::Other);
    vars.retain(|(name, _)| name != "AZURE_POSTGRESQL_USERNAME");
    const MANAGEMENT: &str = "https://management.azure.com";
    let management_requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&management_requests);
    let nameless = Arc::new(source::from_fn(move |scope| {
        let token = if scope == format!("{MANAGEMENT}/.default") {
            count.fetch_add(1, Ordering::SeqCst);
            mint(login, |spec| spec.audience(MANAGEMENT))
        } else {
            mint(login, |spec| spec.without_claim("xms_mirid"))
        };
        std::future::ready(AccessToken::new(token, SystemTime::now() + Duration::from_secs(3600)))
    }));
    let builder = || {
        let settings = Settings::from_vars(vars.clone()).unwrap();
        Connector::builder().settings(settings).token_source(nameless.clone())
    };
    let error = builder().build().unwrap().connect().await.unwrap_err();
    assert!(error.is_config(), "{}", chain(&error));
    assert_eq!(management_requests.load(Ordering::SeqCst), 0);

    let connector = builder().user_from_management_token(true).build().unwrap();
    for _ in 0..2 {
        let client = connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(current_user(&client).await, NAME_OF_THE_IDENTITY);
    }
    assert_eq!(management_requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_variables_of_a_second_connection_are_read_by_its_names() {
    let azure = shared_azure();
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Other);
    let second = vars
        .into_iter()
        .map(|(name, value)| (name.replace("AZURE_POSTGRESQL_", "AZURE_POSTGRESQL_CONN2_"), value));
    let connector = Connector::builder()
        .environment(Environment::from_vars(second))
        .connection_names(ConnectionNames::new("AZURE_POSTGRESQL_CONN2"))
        .build()
        .unwrap();
    connector.connect().await.unwrap();
}

#[tokio::test]
async fn an_expired_token_is_rejected_with_the_servers_text() {
    let azure = LocalAzure::start().await.unwrap();
    let login = Login::SystemAssigned(Platform::AppService);
    let token = azure.identity_service().mint_token(&TokenSpec::new(login));
    let connector = connector_with_token(&azure, login, move || token.clone());
    azure.server().reject_tokens_issued_before_now();
    let rejection = rejection(connector.build().unwrap()).await;
    assert_eq!(rejection.reason(), RejectionReason::TokenExpired);
    assert_eq!(rejection.sqlstate(), "28000");
    assert!(rejection.message().contains("The access token has expired"));
}

#[tokio::test]
async fn a_token_that_ends_soon_and_counts_as_expired_already_is_followed_by_the_next() {
    let azure = LocalAzure::start().await.unwrap();
    let login = Login::SystemAssigned(Platform::AppService);
    let mint = || azure.identity_service().mint_token(&TokenSpec::new(login));
    let (first, second) = (mint(), mint());
    azure.server().reject_tokens_issued_before_now();
    let third = mint();
    // An endpoint that caches: the first token until that ends, and then the next one.
    let ends = SystemTime::now() + Duration::from_secs(3);
    let settings = Settings::from_vars(azure.vars(login, ClientType::Python)).unwrap();
    let source = source::from_fn(move |_scope| {
        let is_over = SystemTime::now() >= ends;
        let token = if is_over { third.clone() } else { first.clone() };
        let end = if is_over { ends + Duration::from_secs(3600) } else { ends };
        async move { AccessToken::new(token, end) }
    });
    let connector = Connector::builder().settings(settings.clone()).token_source(source);
    connector.build().unwrap().connect().await.unwrap();

    // With more time left the refusal stands, and says that there was no other token.
    let connector =
        Connector::builder().settings(settings).token_source(source::from_fn(move |_scope| {
            let token =
                AccessToken::new(second.clone(), SystemTime::now() + Duration::from_secs(3600));
            async move { token }
        }));
    let connector = connector.build().unwrap();
    connector.token_cache().unwrap().warm_up().await.unwrap();
    let rejection = rejection(connector).await;
    assert_eq!(rejection.reason(), RejectionReason::TokenExpired);
    assert!(rejection.hint().contains("handed out the same token again"), "{rejection}");
}

#[tokio::test]
async fn a_token_for_another_audience_is_rejected_with_the_servers_text() {
    let azure = shared_azure();
    let login = Login::SystemAssigned(Platform::AppService);
    let connector = connector_with_token(azure, login, move || {
        mint(login, |spec| spec.audience("https://management.azure.com"))
    });
    let connector = connector.scope("https://management.azure.com/.default");
    let connector = connector.trust_host(azure.server().host()).build().unwrap();
    let rejection = rejection(connector).await;
    assert_eq!(rejection.reason(), RejectionReason::WrongAudience);
    assert!(rejection.message().contains("https://ossrdbms-aad.database.windows.net"));
}

#[tokio::test]
async fn the_role_of_another_principal_is_rejected_and_named() {
    let azure = shared_azure();
    let vars = azure.vars(Login::SystemAssigned(Platform::AppService), ClientType::Python);
    let other = azure.server().role(Login::ServicePrincipal);
    let settings = Settings::from_vars(vars.clone()).unwrap().with_user(other);
    let source = Connector::from_vars(vars).unwrap().token_cache().unwrap().clone();
    let connector = Connector::builder().settings(settings).token_cache(source).build().unwrap();
    let rejection = rejection(connector).await;
    assert_eq!(rejection.user(), other);
    let object_id = Login::ServicePrincipal.object_id().unwrap();
    assert!(rejection.message().contains(object_id), "{rejection}");
}

#[tokio::test]
async fn a_missing_database_is_rejected_with_a_hint() {
    let azure = shared_azure();
    let vars = azure.vars(Login::ServicePrincipal, ClientType::Python);
    let settings = Settings::from_vars(vars.clone()).unwrap().with_database("absent");
    let cache = Connector::from_vars(vars).unwrap().token_cache().unwrap().clone();
    let connector = Connector::builder().settings(settings).token_cache(cache).build().unwrap();
    let rejection = rejection(connector).await;
    assert_eq!(rejection.reason(), RejectionReason::DatabaseMissing);
}

#[tokio::test]
async fn replies_that_are_no_token_give_a_clear_error_and_no_login() {
    let azure = LocalAzure::start().await.unwrap();
    let huge = vec![b'x'; 4 << 20];
    let bodies: [&[u8]; 5] =
        [b"", b"<html>proxy</html>", br#"{"access_token":""}"#, b"\xff\xfe{not utf-8", &huge];
    for login in [
        Login::SystemAssigned(Platform::AppService),
        Login::SystemAssigned(Platform::VirtualMachine),
        Login::ServicePrincipal,
    ] {
        for body in bodies {
            azure.identity_service().set_fault(Some(IdentityFault::Body {
                status: 200,
                content_type: "application/json".into(),
                body: body.to_vec(),
            }));
            let connector = Connector::from_vars(azure.vars(login, ClientType::Python)).unwrap();
            let error = connector.connect().await.unwrap_err();
            let Error::Token(error) = &error else { panic!("{login:?}: {}", chain(&error)) };
            let clear = [TokenErrorKind::InvalidResponse, TokenErrorKind::InvalidToken];
            assert!(clear.contains(&error.kind()), "{login:?}: {}", chain(error));
        }
    }
    assert_eq!(azure.server().passwords_received(), 0);
}

#[tokio::test]
async fn a_wrong_client_secret_is_reported_with_entras_code_and_never_shown() {
    let vars = vars_with_wrong_secret(shared_azure());
    let error = Connector::from_vars(vars).unwrap().connect().await.unwrap_err();
    let Error::Token(token_error) = &error else { panic!("{}", chain(&error)) };
    assert_eq!(token_error.kind(), TokenErrorKind::Denied);
    assert_eq!(token_error.aadsts(), [7_000_215]);
    assert!(!format!("{error:?} {}", chain(&error)).contains(WRONG_SECRET));
}

#[tokio::test]
async fn a_server_that_repeats_the_token_does_not_get_it_into_the_error() {
    let azure = LocalAzure::start().await.unwrap();
    let token = azure.identity_service().mint_token(&TokenSpec::new(Login::ServicePrincipal));
    let message = format!("what is {token} to me");
    azure.server().set_fault(Some(ServerFault::refuse("28000", message)));
    let same = token.clone();
    let connector = connector_with_token(&azure, Login::ServicePrincipal, move || same.clone());
    let error = connector.build().unwrap().connect().await.unwrap_err();
    let shown = format!("{error:?} {}", chain(&error));
    assert!(shown.contains("what is [redacted] to me"), "the text around the token is missing");
    assert!(!shown.contains(&token), "the token is shown");
}

#[tokio::test]
async fn a_busy_server_that_repeats_the_token_does_not_get_it_into_the_error() {
    let azure = LocalAzure::start().await.unwrap();
    let token = azure.identity_service().mint_token(&TokenSpec::new(Login::ServicePrincipal));
    azure.server().set_fault(Some(ServerFault::refuse("53300", format!("no room for {token}"))));
    let same = token.clone();
    let connector = connector_with_token(&azure, Login::ServicePrincipal, move || same.clone());
    let connector = connector.deadline(Duration::from_secs(3)).build().unwrap();
    let error = connector.connect().await.unwrap_err();
    let shown = format!("{error:?} {}", chain(&error));
    assert!(error.is_transient() && shown.contains("no room for [redacted]"), "another error");
    assert!(!shown.contains(&token), "the token is shown");
}

#[tokio::test]
async fn a_password_role_logs_in_without_any_token() {
    let azure = LocalAzure::start().await.unwrap();
    let connector = Connector::from_vars(azure.vars(Login::Password, ClientType::Other)).unwrap();
    assert!(matches!(connector.settings().identity(), Identity::Password(_)));
    connector.connect().await.unwrap();
    assert_eq!(azure.identity_service().request_count(), 0);
}

#[tokio::test]
async fn a_wrong_password_is_rejected_and_never_shown() {
    let azure = shared_azure();
    let settings = Settings::from_vars(azure.vars(Login::Password, ClientType::Other)).unwrap();
    let wrong = settings.with_identity(Identity::Password(Secret::new(WRONG_SECRET)));
    let connector = Connector::builder().settings(wrong).build().unwrap();
    let error = connector.connect().await.unwrap_err();
    assert!(error.is_rejected(), "{}", chain(&error));
    let shown = format!("{connector:?} {error:?} {}", chain(&error));
    assert!(!shown.contains(WRONG_SECRET));
}

async fn rejection(connector: Connector) -> postgres_entra::Rejection {
    match connector.connect().await.unwrap_err() {
        Error::Rejected(rejection) => rejection,
        error => panic!("not a rejection: {}", chain(&error)),
    }
}

fn mint(login: Login, change: impl FnOnce(TokenSpec) -> TokenSpec) -> String {
    let spec = change(TokenSpec::new(login));
    shared_azure().identity_service().mint_token(&spec)
}
