//! No connect fails in an outage of the identity service that a valid token can outlast.
use std::time::Duration;

use crate::support::{builder, chain};
use postgres_entra::{
    Connector, RefreshPolicy,
    emulator::{IdentityFault, LocalAzure, Login, Platform},
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

/// An outage, while connectors open connections all the time.
struct Outage {
    fault: IdentityFault,
    token_lifetime: Duration,
    length: Duration,
    policy: RefreshPolicy,
    /// How old the token of each connector is when the outage begins.
    token_ages: Vec<Duration>,
}

#[tokio::test]
async fn no_connect_fails_in_an_outage() {
    tokio::join!(
        five_times_as_fast(IdentityFault::Outage).rehearse(),
        five_times_as_fast(IdentityFault::Status(503)).rehearse(),
    );
}

#[tokio::test]
#[ignore = "takes more than a minute"]
async fn no_connect_fails_in_an_outage_at_full_length() {
    tokio::join!(
        at_full_length(IdentityFault::Outage).rehearse(),
        at_full_length(IdentityFault::Status(503)).rehearse(),
        at_full_length(IdentityFault::Silent).rehearse(),
    );
}

/// Tokens of 60 s and 25 s of outage, which begins before, at and after their renewal.
fn at_full_length(fault: IdentityFault) -> Outage {
    Outage {
        fault,
        token_lifetime: Duration::from_secs(60),
        length: Duration::from_secs(25),
        policy: RefreshPolicy::default(),
        token_ages: [1, 5, 10, 15, 20, 24, 26, 27, 28, 29, 30].map(Duration::from_secs).into(),
    }
}

/// The same with every time a fifth, also those of the policy. The waits between the requests of one
/// fetch stay as they are, which makes it harder.
fn five_times_as_fast(fault: IdentityFault) -> Outage {
    let seconds = Duration::from_secs_f64;
    let policy = RefreshPolicy::default()
        .safety_margin(seconds(6.0))
        .and_then(|policy| policy.refresh_floor(seconds(2.0)))
        .and_then(|policy| policy.fetch_deadline(seconds(18.0)))
        .and_then(|policy| policy.backoff(seconds(0.4), seconds(12.0)))
        .and_then(|policy| policy.hold_off(seconds(2.0)))
        .and_then(|policy| policy.forced_fetch_interval(seconds(6.0)))
        .unwrap();
    Outage {
        fault,
        token_lifetime: seconds(12.0),
        length: seconds(5.0),
        policy,
        token_ages: [0.2, 1.5, 3.0, 4.5, 5.2, 5.8].map(seconds).into(),
    }
}

impl Outage {
    /// Connects from each connector's first fetch until the tokens of before the outage have expired.
    async fn rehearse(self) {
        let azure =
            LocalAzure::builder().token_lifetime(self.token_lifetime).start().await.unwrap();
        let service = azure.identity_service();
        let begin = Instant::now() + self.token_ages.iter().max().copied().unwrap();
        let end = begin + self.length + self.token_lifetime / 4;
        let mut connectors = JoinSet::new();
        for age in &self.token_ages {
            let login = Login::SystemAssigned(Platform::AppService);
            let connector = builder(&azure, login).refresh_policy(self.policy.clone()).build();
            connectors.spawn(connect_four_times_a_second(connector.unwrap(), begin - *age, end));
        }
        sleep_until(begin).await;
        service.set_fault(Some(self.fault));
        sleep(self.length).await;
        service.set_fault(None);
        connectors.join_all().await;

        // One first fetch each, then renewals, and the retries of those in the outage.
        let (requests, connectors) = (service.request_count(), self.token_ages.len());
        assert!(requests > connectors && requests <= 8 * connectors, "{requests} requests");
    }
}

async fn connect_four_times_a_second(connector: Connector, start: Instant, end: Instant) {
    sleep_until(start).await;
    let mut turns = interval(Duration::from_millis(250));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while turns.tick().await < end {
        connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
}
