//! What all protocols share: the secrets that clients must show, and the tokens they get.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::super::{
    Login, TokenSpec, lock,
    mint::{BACKDATED, Mint},
    principals::SERVICE_ACCOUNT,
    random, unix_now,
};
use crate::secret::Secret;

/// Up to 24 hours, says the
/// [documentation](https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts).
const MANAGED_IDENTITY_LIFE: Duration = Duration::from_secs(24 * 3_600);
const APPLICATION_LIFE: Duration = Duration::from_secs(3_600);
/// A managed identity's token is handed out again until this much of its life is left.
const CACHE_MARGIN: i64 = 300;

/// A token as it was issued. Times are seconds, since 1970 where they are not durations.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_in: i64,
    pub(crate) expires_on: i64,
    pub(crate) not_before: i64,
}

pub(crate) struct Authority {
    mint: Arc<Mint>,
    base_url: String,
    identity_header: Secret,
    application_secret: Secret,
    administrator_secret: Secret,
    lifetime: Mutex<Option<Duration>>,
    /// The tokens to hand out again; `None` where each request gets a new one.
    cache: Mutex<Option<HashMap<(Login, String), Issued>>>,
    issued: AtomicUsize,
}

/// Why a client assertion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssertionFault {
    Expired,
    Unknown,
    OtherSubject,
}

impl Authority {
    pub(crate) fn new(mint: Arc<Mint>, base_url: String, lifetime: Option<Duration>) -> Self {
        Self {
            mint,
            base_url,
            identity_header: random::guid().to_uppercase().into(),
            application_secret: new_client_secret(),
            administrator_secret: new_client_secret(),
            lifetime: Mutex::new(lifetime),
            cache: Mutex::default(),
            issued: AtomicUsize::new(0),
        }
    }

    /// A token for a resource: a new one, or the one of before where tokens are cached.
    pub(crate) fn issue(&self, login: Login, resource: &str) -> Issued {
        let mut cache = lock(&self.cache);
        let slot = cache.as_mut().filter(|_| login.is_managed());
        let key = (login, resource.to_owned());
        if let Some(issued) = slot.as_ref().and_then(|tokens| tokens.get(&key)).and_then(reused) {
            self.issued.fetch_add(1, Ordering::SeqCst);
            return issued;
        }
        let issued = self.issue_new(login, resource);
        if let Some(tokens) = slot {
            tokens.insert(key, issued.clone());
        }
        issued
    }

    fn issue_new(&self, login: Login, resource: &str) -> Issued {
        let usual = if login.is_managed() { MANAGED_IDENTITY_LIFE } else { APPLICATION_LIFE };
        let life = lock(&self.lifetime).unwrap_or(usual);
        let expires_in = i64::try_from(life.as_secs()).unwrap_or(i64::MAX / 2);
        let now = unix_now();
        let spec = TokenSpec::new(login).audience(resource).expires_in(expires_in);
        let token = self.mint.access_token(&spec, now);
        self.issued.fetch_add(1, Ordering::SeqCst);
        Issued { token, expires_in, expires_on: now + expires_in, not_before: now - BACKDATED }
    }

    /// Checks a Kubernetes token for this audience as Entra ID does for a federated credential.
    pub(crate) fn check_assertion(
        &self,
        assertion: &str,
        audience: &str,
    ) -> Result<(), AssertionFault> {
        let claims = self.mint.verify(assertion).map_err(|_| AssertionFault::Unknown)?;
        let is = |name: &str, value: &str| claims.get(name).is_some_and(|claim| claim == value);
        let is_for_exchange = claims
            .get("aud")
            .and_then(|audiences| audiences.as_array())
            .is_some_and(|audiences| audiences.iter().any(|known| known == audience));
        let expires = claims.get("exp").and_then(serde_json::Value::as_i64);
        if !is_for_exchange || !is("iss", &self.base_url) {
            Err(AssertionFault::Unknown)
        } else if !is("sub", SERVICE_ACCOUNT) {
            Err(AssertionFault::OtherSubject)
        } else if expires.is_none_or(|expires| expires <= unix_now()) {
            Err(AssertionFault::Expired)
        } else {
            Ok(())
        }
    }

    pub(crate) fn service_account_token(&self, audience: &str) -> String {
        self.mint.service_account_token(&self.base_url, audience)
    }

    pub(crate) fn mint(&self) -> &Mint {
        &self.mint
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(crate) fn identity_header(&self) -> &str {
        self.identity_header.expose()
    }

    /// The secret of a login that has one: the administrator's, or the application's.
    pub(crate) fn client_secret(&self, login: Login) -> &str {
        match login {
            Login::Administrator => self.administrator_secret.expose(),
            _ => self.application_secret.expose(),
        }
    }

    pub(crate) fn set_lifetime(&self, lifetime: Duration) {
        *lock(&self.lifetime) = Some(lifetime);
    }

    /// Turns caching on or off. Tokens that were cached are forgotten.
    pub(crate) fn set_caching(&self, on: bool) {
        *lock(&self.cache) = on.then(HashMap::new);
    }

    /// How many tokens have been handed out.
    pub(crate) fn issued(&self) -> usize {
        self.issued.load(Ordering::SeqCst)
    }
}

/// The shape of a real one: 40 characters, some of them special.
fn new_client_secret() -> Secret {
    format!("x8Q~{}.-_", random::hex(&random::bytes::<16>())).into()
}

/// A cached token with what is now left of its life, unless that is too little.
fn reused(issued: &Issued) -> Option<Issued> {
    let left = issued.expires_on - unix_now();
    let margin = CACHE_MARGIN.min(issued.expires_in / 10);
    (left > margin).then(|| Issued { expires_in: left, ..issued.clone() })
}
