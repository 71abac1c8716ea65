//! Access tokens with the claims that real ones carry.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    Login, PrincipalType,
    facts::{AUDIENCE, ISSUER},
    jwt::{ClaimSet, Invalid, Signer},
    principals::{SERVICE_ACCOUNT, TENANT_ID},
    random, unix_now,
};

/// The audience of a token that Entra ID takes for a federated credential
/// ([documentation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation)).
pub(crate) const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// That of a token which the proxy of an AKS identity binding takes
/// ([source](https://github.com/Azure/secrets-store-csi-driver-provider-azure/blob/master/pkg/auth/auth.go)).
pub(crate) const BINDING_AUDIENCE: &str = "api://AKSIdentityBinding";

/// Entra ID dates a token back by this much, for clocks that differ.
pub(crate) const BACKDATED: i64 = 300;
/// How long a Kubernetes service account token lives by default.
const FEDERATED_LIFE: i64 = 3_600;

/// What an access token shall say: whose it is, for whom, until when.
///
/// ```
/// use postgres_entra::emulator::{Login, TokenSpec};
///
/// let expired = TokenSpec::new(Login::ServicePrincipal).expires_in(-60);
/// ```
#[derive(Clone, Debug)]
pub struct TokenSpec {
    login: Login,
    audience: String,
    expires_in: i64,
    changes: Vec<(String, Option<Value>)>,
}

impl TokenSpec {
    /// An access token of this login for Azure Database for PostgreSQL, valid for one hour.
    ///
    /// For [`Login::Password`], which has no principal, the token has no object id.
    pub fn new(login: Login) -> Self {
        Self { login, audience: AUDIENCE.to_owned(), expires_in: 3_600, changes: Vec::new() }
    }

    /// The service that the token is for.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// When the token expires, in seconds from now. A negative number makes an expired one.
    #[must_use]
    pub fn expires_in(mut self, seconds: i64) -> Self {
        self.expires_in = seconds;
        self
    }

    /// Sets a claim to a text, in place of what it would say.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.changes.push((name.into(), Some(Value::String(value.into()))));
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without_claim(mut self, name: impl Into<String>) -> Self {
        self.changes.push((name.into(), None));
        self
    }

    /// Makes it the token of a person with this user principal name.
    #[must_use]
    pub fn of_user(self, user_principal_name: impl Into<String>) -> Self {
        self.claim("idtyp", "user").claim("upn", user_principal_name).without_claim("xms_mirid")
    }
}

/// Makes tokens, each one numbered.
pub(crate) struct Mint {
    signer: Signer,
    /// The number of the latest token.
    latest: AtomicU64,
}

impl Mint {
    pub(crate) fn new(signer: Signer) -> Self {
        Self { signer, latest: AtomicU64::new(0) }
    }

    /// An access token, issued at this time. No two are the same.
    pub(crate) fn access_token(&self, spec: &TokenSpec, now: i64) -> String {
        let mut claims = access_claims(spec, now);
        claims.insert("uti".to_owned(), self.next_identifier().into());
        for (name, value) in &spec.changes {
            match value {
                Some(value) => claims.insert(name.clone(), value.clone()),
                None => claims.remove(name),
            };
        }
        self.signer.sign(&claims)
    }

    /// A token as Kubernetes would write it into a pod for the federated service account.
    pub(crate) fn service_account_token(&self, issuer: &str, audience: &str) -> String {
        let now = unix_now();
        let claims = [
            ("iss", issuer.into()),
            ("sub", SERVICE_ACCOUNT.into()),
            ("aud", json!([audience])),
            ("iat", now.into()),
            ("nbf", now.into()),
            ("exp", (now + FEDERATED_LIFE).into()),
            ("jti", random::guid().into()),
        ];
        self.signer
            .sign(&claims.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
    }

    /// The claims of a token that was made here.
    pub(crate) fn verify(&self, token: &str) -> Result<ClaimSet, Invalid> {
        self.signer.verify(token)
    }

    /// The key that tokens are signed with, as a JSON Web Key.
    pub(crate) fn public_key(&self) -> Value {
        self.signer.public_key()
    }

    /// The number of the latest access token.
    pub(crate) fn latest(&self) -> u64 {
        self.latest.load(Ordering::SeqCst)
    }

    /// A new `uti`: 16 bytes as in real tokens, of which the first eight number the token. Times of
    /// issue are whole seconds, too coarse to tell which of two tokens came first.
    fn next_identifier(&self) -> String {
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        URL_SAFE_NO_PAD.encode([number.to_be_bytes(), random::bytes()].concat())
    }
}

/// The number of a token; `None` if its `uti` was set to something else.
pub(crate) fn number_of(claims: &ClaimSet) -> Option<u64> {
    let identifier = URL_SAFE_NO_PAD.decode(claims.get("uti")?.as_str()?).ok()?;
    let number = identifier.first_chunk::<8>()?;
    Some(u64::from_be_bytes(*number))
}

/// The claims of an application token, version 1.0
/// ([reference](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)).
fn access_claims(spec: &TokenSpec, now: i64) -> ClaimSet {
    let expires = now + spec.expires_in;
    let issued = (now - BACKDATED).min(expires - 1);
    let issuer = format!("{ISSUER}{TENANT_ID}/");
    let mut claims = ClaimSet::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("aud", spec.audience.clone().into());
    set("iss", issuer.clone().into());
    set("iat", issued.into());
    set("nbf", issued.into());
    set("exp", expires.into());
    set("appidacr", authentication_class(spec.login).into());
    set("idp", issuer.into());
    set("tid", TENANT_ID.into());
    set("ver", "1.0".into());
    set("idtyp", "app".into());
    if let Some(principal) = spec.login.principal() {
        set("appid", principal.client_id.into());
        set("oid", principal.object_id.into());
        set("sub", principal.object_id.into());
        if principal.kind == PrincipalType::User {
            set("idtyp", "user".into());
            set("upn", principal.name.into());
        }
    }
    if let Some(resource_id) = spec.login.resource_id() {
        set("xms_mirid", resource_id.into());
    }
    claims
}

/// How the client proved itself: "0" not at all, "1" with a secret, "2" with a certificate or assertion.
fn authentication_class(login: Login) -> &'static str {
    match login {
        Login::CloudShell => "0",
        login if login.has_client_secret() => "1",
        _ => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::Platform;

    fn claims_of(spec: &TokenSpec) -> ClaimSet {
        let mint = Mint::new(Signer::generate().unwrap());
        mint.verify(&mint.access_token(spec, unix_now())).unwrap()
    }

    #[test]
    fn managed_identities_carry_their_resource_id_and_applications_do_not() {
        let user = claims_of(&TokenSpec::new(Login::UserAssigned(Platform::AppService)));
        assert!(user["xms_mirid"].as_str().unwrap().ends_with("/orders-identity"));
        let system = claims_of(&TokenSpec::new(Login::SystemAssigned(Platform::VirtualMachine)));
        assert!(system["xms_mirid"].as_str().unwrap().ends_with("/virtualMachines/orders-vm"));
        assert!(!claims_of(&TokenSpec::new(Login::ServicePrincipal)).contains_key("xms_mirid"));
    }

    #[test]
    fn a_token_says_whose_it_is_and_for_how_long() {
        let claims = claims_of(&TokenSpec::new(Login::ServicePrincipal).expires_in(-60));
        assert_eq!(claims["oid"], Login::ServicePrincipal.object_id().unwrap());
        assert_eq!(claims["appid"], Login::ServicePrincipal.client_id().unwrap());
        assert_eq!(claims["iss"], format!("https://sts.windows.net/{TENANT_ID}/"));
        let expires = claims["exp"].as_i64().unwrap();
        assert!(expires < unix_now() && claims["iat"].as_i64().unwrap() < expires);
    }

    #[test]
    fn tokens_differ_and_are_numbered_in_order() {
        let mint = Mint::new(Signer::generate().unwrap());
        let spec = TokenSpec::new(Login::ServicePrincipal);
        let numbers: Vec<_> = (0..2)
            .map(|_| mint.verify(&mint.access_token(&spec, unix_now())).unwrap())
            .map(|claims| number_of(&claims).unwrap())
            .collect();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(mint.latest(), 2);
    }
}
