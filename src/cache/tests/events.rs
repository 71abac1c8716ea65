use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry::Registry,
};

use super::*;
use crate::cache::{
    events,
    state::{Landing, Launch},
};
use TokenErrorKind::Unavailable;

/// Keeps `LEVEL name field=value ...` of each event of the cache.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Takes what has been logged, less the debug events unless they are asked for.
    fn take(&self, debug: bool) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.retain(|line| debug || !line.starts_with("DEBUG"));
        lines
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() == "postgres_entra::cache" {
            let mut line = Line(format!("{} {}", metadata.level(), metadata.name()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if !["message", "source"].contains(&field.name()) {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }
}

/// Other tests run without a subscriber, and the first use of an event settles who is interested in it.
fn register_all_events() {
    events::hit("");
    let overdue_at = tokio::time::Instant::now();
    events::launched("", Launch { number: 1, deadline: HOUR, overdue_at, forced: false });
    events::invalidated("");
    events::callback_panicked("");
    for unchanged in [false, true] {
        let outcome = Ok(token("a", SystemTime::UNIX_EPOCH));
        events::landed("", &Landing { outcome, unchanged, left: HOUR, retry_in: HOUR });
    }
    for left in [Duration::ZERO, HOUR] {
        let outcome = Err(failure(Unavailable));
        events::landed("", &Landing { outcome, unchanged: false, left, retry_in: HOUR });
    }
    tracing::callsite::rebuild_interest_cache();
}

#[tokio::test(start_paused = true)]
async fn names_and_fields_are_stable_and_hold_no_token() {
    let log = Log::default();
    let _subscribed = tracing::subscriber::set_default(Registry::default().with(log.clone()));
    register_all_events();
    log.take(true);
    let rig = Rig::new(|fetch| Answer::token(format!("secret-{fetch}"), HOUR));

    rig.text().await;
    rig.text().await;
    let lines = log.take(true);
    assert_eq!(
        lines,
        [
            "DEBUG fetch_started forced=false deadline_s=90.0",
            "INFO token_renewed lifetime_s=3600",
            "DEBUG token_hit",
            "DEBUG token_hit",
        ]
    );

    rig.issuer.direct(|_| Answer::error(Unavailable));
    pass(HOUR / 2).await;
    rig.text().await;
    settle().await;
    let failed = "WARN refresh_failed error=test issuer: as told; try again later left_s=1800 retry_in_s=2.0";
    assert_eq!(log.take(false), [failed]);

    pass(HOUR / 2).await;
    rig.error().await;
    let unavailable =
        "ERROR token_unavailable error=test issuer: as told; try again later retry_in_s=4.0";
    assert_eq!(log.take(false), [unavailable]);

    pass(HOUR).await;
    rig.issuer.direct(|_| Answer::token("secret-same", HOUR));
    let token = rig.cache.token().await.unwrap();
    rig.cache.replace(&token).await.unwrap();
    let lines = log.take(true);
    assert!(lines.contains(&"INFO token_invalidated".to_owned()), "{lines:?}");
    assert!(lines.contains(&"DEBUG token_unchanged lifetime_s=3600".to_owned()), "{lines:?}");
    assert!(!lines.concat().contains("secret"), "{lines:?}");

    let guard = rig.cache.keep_fresh(|_| panic!("as told"));
    settle().await;
    drop(guard);
    assert_eq!(log.take(false), ["ERROR callback_panicked"]);
}
