//! A credential of azure_identity that already holds its token.

use std::{future::Future, pin::Pin, sync::Arc};

use azure_core::{
    credentials::{AccessToken, Secret, TokenCredential},
    http::{
        AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport,
        headers::Headers,
    },
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use futures_util::FutureExt;

use super::{DAY, SCOPE, runtime, token_text};

/// A client secret credential that has fetched a token for the rest of the day.
pub fn warm_credential() -> Arc<dyn TokenCredential> {
    let transport = Some(Transport::new(Arc::new(TokenEndpoint)));
    let client_options = ClientOptions { transport, ..ClientOptions::default() };
    let credential = ClientSecretCredential::new(
        "tenant",
        "client".to_owned(),
        Secret::new("secret"),
        Some(ClientSecretCredentialOptions { client_options }),
    )
    .expect("a credential");
    runtime().block_on(credential.get_token(&[SCOPE], None)).expect("a token");
    credential
}

/// One hit: the future is ready at its first poll, so no runtime takes part.
pub fn hit(credential: &dyn TokenCredential) -> AccessToken {
    credential.get_token(&[SCOPE], None).now_or_never().expect("a hit").expect("a token")
}

/// Answers every request as Entra's token endpoint does.
#[derive(Debug)]
struct TokenEndpoint;

impl HttpClient for TokenEndpoint {
    fn execute_request<'client, 'request, 'future>(
        &'client self,
        _request: &'request Request,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AsyncRawResponse>> + Send + 'future>>
    where
        'client: 'future,
        'request: 'future,
        Self: 'future,
    {
        let body = serde_json::json!({
            "token_type": "Bearer",
            "expires_in": DAY.as_secs(),
            "ext_expires_in": DAY.as_secs(),
            "access_token": token_text(),
        });
        let response =
            AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body.to_string());
        Box::pin(async { Ok(response) })
    }
}
