//! Which weather comes when, by chance.

use std::{sync::Arc, time::Duration};

use postgres_entra::emulator::{IdentityFault, LocalAzure, ServerFault};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    chance::Chance,
    network::{Cut, Network},
    server::{freeze_all, freeze_sessions},
    sky::{Sky, Struck},
};

/// A cache without a token asks the service again after up to 10 s, and its source may be in a pause of 4 s.
const ASKED_AGAIN: Duration = Duration::from_secs(15);
/// A request that got no answer is given up after 15 s.
const GIVEN_UP: Duration = Duration::from_secs(15);
/// A certificate authority is not replaced twice in a moment: TLS is set up anew every 5 s at most.
const BETWEEN_AUTHORITIES: Duration = Duration::from_secs(30);

/// What the weather acts on.
#[derive(Clone)]
pub struct Place {
    pub azure: Arc<LocalAzure>,
    pub network: Arc<Network>,
    pub sky: Arc<Sky>,
}

/// One stretch of bad weather after the other over the identity service, until this time.
pub async fn over_the_identity_service(place: Place, mut chance: Chance, until: Instant) {
    while pause(chance.between(5, 40), until).await {
        // Most are shorter than what a token has left when it is renewed, and one in five is longer than its life.
        let seconds = match chance.between(0, 5) {
            0 => chance.between(60, 100),
            _ => chance.between(2, 30),
        };
        let asked = chance.between(1, 6);
        let throttled = |status| IdentityFault::retry_after(status, asked);
        let (what, fault, aftermath) = match chance.between(0, 6) {
            0 => ("identity service down", IdentityFault::Outage, ASKED_AGAIN),
            1 => ("identity service fails", IdentityFault::Status(500), ASKED_AGAIN),
            2 => ("identity service unavailable", throttled(503), ASKED_AGAIN),
            3 => ("identity service throttles", throttled(429), ASKED_AGAIN),
            4 => ("identity service silent", IdentityFault::Silent, ASKED_AGAIN + GIVEN_UP),
            _ => {
                let slow = IdentityFault::Delay(Duration::from_secs(asked));
                ("identity service slow", slow, ASKED_AGAIN)
            }
        };
        let spell = place.sky.begin(Struck::Tokens, what, aftermath);
        place.azure.identity_service().set_fault(Some(fault));
        pause(seconds, until).await;
        place.azure.identity_service().set_fault(None);
        place.sky.end(&spell);
    }
}

/// The same over the server and the network.
pub async fn over_the_server(place: Place, mut chance: Chance, until: Instant) {
    let mut replaced_at = None;
    while pause(chance.between(2, 15), until).await {
        let seconds = chance.between(2, 20);
        match chance.between(0, 14) {
            0 | 1 => place.restart().await,
            2 => place.cut("connections closed (FIN)", Cut::Fin),
            3 => place.cut("connections reset (RST)", Cut::Reset),
            4 => place.disconnect().await,
            5 => place.stand_still(seconds.min(10)).await,
            6 => place.hang(seconds).await,
            7 => place.stop_sessions(seconds).await,
            8 if is_long_ago(replaced_at) => {
                place.replace_authority();
                replaced_at = Some(Instant::now());
            }
            9 => place.login_fault("logins silent", ServerFault::Silent, seconds).await,
            10 => {
                let fault = ServerFault::SilentAfterTls;
                place.login_fault("logins silent after TLS", fault, seconds).await;
            }
            11 => place.login_fault("logins reset", ServerFault::Reset, seconds).await,
            12 => {
                let fault = ServerFault::CloseAfterPassword;
                place.login_fault("logins closed", fault, seconds).await;
            }
            _ => {
                let full = "sorry, too many clients already";
                let fault = ServerFault::refuse("53300", full);
                place.login_fault("server full", fault, seconds).await;
            }
        }
    }
}

fn is_long_ago(time: Option<Instant>) -> bool {
    time.is_none_or(|time| time.elapsed() >= BETWEEN_AUTHORITIES)
}

/// Whether there is time left after so many seconds.
async fn pause(seconds: u64, until: Instant) -> bool {
    let over = Instant::now() + Duration::from_secs(seconds);
    sleep_until(over.min(until)).await;
    Instant::now() < until
}

impl Place {
    async fn restart(&self) {
        let spell = self.sky.begin(Struck::Server, "server restarts", Duration::ZERO);
        self.azure.server().restart().await.expect("a server that comes up again");
        self.sky.end(&spell);
    }

    fn cut(&self, what: &'static str, cut: Cut) {
        let spell = self.sky.begin(Struck::Sessions, what, Duration::ZERO);
        self.network.cut(cut);
        self.sky.end(&spell);
    }

    async fn disconnect(&self) {
        let what = "sessions ended by the administrator";
        let spell = self.sky.begin(Struck::Sessions, what, Duration::ZERO);
        self.azure.server().disconnect_all().await.expect("a server that answers");
        self.sky.end(&spell);
    }

    async fn stand_still(&self, seconds: u64) {
        let spell = self.sky.begin(Struck::Server, "network stands still", Duration::ZERO);
        self.network.moves(false);
        sleep(Duration::from_secs(seconds)).await;
        self.network.moves(true);
        self.sky.end(&spell);
    }

    async fn hang(&self, seconds: u64) {
        let spell = self.sky.begin(Struck::Server, "server hangs", Duration::ZERO);
        freeze_all(self.azure.server(), Duration::from_secs(seconds)).await;
        self.sky.end(&spell);
    }

    async fn stop_sessions(&self, seconds: u64) {
        let spell = self.sky.begin(Struck::Sessions, "sessions hang", Duration::ZERO);
        freeze_sessions(self.azure.server(), Duration::from_secs(seconds)).await;
        self.sky.end(&spell);
    }

    fn replace_authority(&self) {
        let what = "certificate authority replaced";
        let spell = self.sky.begin(Struck::Sessions, what, Duration::ZERO);
        self.azure.server().replace_certificate_authority().expect("a new authority");
        self.sky.end(&spell);
    }

    async fn login_fault(&self, what: &'static str, fault: ServerFault, seconds: u64) {
        let spell = self.sky.begin(Struck::Server, what, Duration::ZERO);
        self.azure.server().set_fault(Some(fault));
        sleep(Duration::from_secs(seconds)).await;
        self.azure.server().set_fault(None);
        self.sky.end(&spell);
    }
}
