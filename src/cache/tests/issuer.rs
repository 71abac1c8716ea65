use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{TestClock, failure, token};
use crate::{
    clock::Clock,
    error::{TokenError, TokenErrorKind},
    source::{TokenFuture, TokenSource},
    token::AccessToken,
};

type Direct = Box<dyn Fn(u64) -> Answer + Send + Sync>;

/// A source that does as it is told.
pub(super) struct Issuer {
    clock: TestClock,
    direct: Mutex<Direct>,
    fetches: AtomicU64,
    dropped: AtomicU64,
}

/// What one fetch leads to.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    delay: Duration,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    New { text: String, life: Duration },
    Fixed(AccessToken),
    Error(TokenError),
    Panic,
    Silence,
}

impl Answer {
    /// A token with this life from the time of the answer.
    pub(super) fn token(text: impl Into<String>, life: Duration) -> Self {
        Self::at_once(What::New { text: text.into(), life })
    }

    /// This very token.
    pub(super) fn fixed(token: &AccessToken) -> Self {
        Self::at_once(What::Fixed(token.clone()))
    }

    pub(super) fn error(kind: TokenErrorKind) -> Self {
        Self::failing(failure(kind))
    }

    pub(super) fn failing(error: TokenError) -> Self {
        Self::at_once(What::Error(error))
    }

    pub(super) fn panic() -> Self {
        Self::at_once(What::Panic)
    }

    pub(super) fn silence() -> Self {
        Self::at_once(What::Silence)
    }

    pub(super) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn at_once(what: What) -> Self {
        Self { delay: Duration::ZERO, what }
    }
}

impl Issuer {
    pub(super) fn new(
        clock: TestClock,
        direct: impl Fn(u64) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let direct: Mutex<Direct> = Mutex::new(Box::new(direct));
        Self { clock, direct, fetches: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    /// Changes how it answers from now on.
    pub(super) fn direct(&self, direct: impl Fn(u64) -> Answer + Send + Sync + 'static) {
        *self.direct.lock().unwrap() = Box::new(direct);
    }

    pub(super) fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Fetches that ended, with an answer or without.
    pub(super) fn ended(&self) -> u64 {
        self.dropped.load(Ordering::SeqCst)
    }

    async fn answer(&self, answer: Answer) -> Result<AccessToken, TokenError> {
        let _ended = Ended(&self.dropped);
        tokio::time::sleep(answer.delay).await;
        match answer.what {
            What::New { text, life } => Ok(token(&text, self.clock.now().wall + life)),
            What::Fixed(token) => Ok(token),
            What::Error(error) => Err(error),
            What::Panic => panic!("as told"),
            What::Silence => std::future::pending().await,
        }
    }
}

impl TokenSource for Issuer {
    fn fetch_token<'a>(&'a self, scope: &'a str) -> TokenFuture<'a> {
        assert_eq!(scope, super::SCOPE);
        let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = (self.direct.lock().unwrap())(number);
        Box::pin(self.answer(answer))
    }

    fn name(&self) -> &str {
        "test issuer"
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer")
    }
}

struct Ended<'a>(&'a AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
