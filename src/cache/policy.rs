use std::{ops::RangeInclusive, time::Duration};

use crate::error::{ConfigError, ConfigErrorKind};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// What share of its life the margin of a short-lived token takes: a twentieth. A 60 s token is then
/// served for 57 s, which leaves 27 s after its half for retries.
const MARGIN_SHARE: u32 = 20;

/// A token with less life than this is of no use: a connect over the internet takes about as long.
const SHORTEST_MARGIN: Duration = SECOND;

/// The least time that a renewal gets. Identity services answer in well under a second, and slow
/// ones within a few.
const SHORTEST_RENEWAL: Duration = Duration::from_secs(10);

/// The numbers that govern when a [`TokenCache`](crate::TokenCache) fetches a token.
///
/// The defaults fit Azure, from 24 h tokens of managed identities down to 60 s test tokens. The point
/// from which a token is renewed is not a setting: it is the issuer's `refresh_on`, or half of the
/// token's life, and up to a tenth earlier at random.
///
/// Each setter checks its value and fails with a [`ConfigError`] that names the setting.
///
/// ```
/// use std::time::Duration;
/// use postgres_entra::RefreshPolicy;
///
/// # fn main() -> Result<(), postgres_entra::ConfigError> {
/// let policy = RefreshPolicy::default()
///     .fetch_deadline(Duration::from_secs(30))?
///     .safety_margin(Duration::from_secs(60))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    safety_margin: Duration,
    refresh_floor: Duration,
    fetch_deadline: Duration,
    backoff_start: Duration,
    backoff_limit: Duration,
    hold_off: Duration,
    forced_fetch_interval: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            // The default deadline of a connect: a token served now is valid when a slow login ends.
            safety_margin: Duration::from_secs(30),
            // Slow enough that a fleet on one machine stays far below the limit of IMDS (20 requests
            // a second); fast enough to fetch several times in the second half of a 60 s token.
            refresh_floor: Duration::from_secs(10),
            // IMDS may answer 410 for up to 70 s while it is updated
            // (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
            fetch_deadline: Duration::from_secs(90),
            // The first delay and the longest that the same page recommends.
            backoff_start: Duration::from_secs(2),
            backoff_limit: Duration::from_secs(60),
            // Without a token each second counts: at most this much of an outage is added to it.
            hold_off: Duration::from_secs(10),
            // Managed identity endpoints cache tokens for hours, so a second fetch soon after the
            // first brings the same token; a pool with a wrong role name would ask on each connect.
            forced_fetch_interval: Duration::from_secs(30),
        }
    }
}

/// The settings.
impl RefreshPolicy {
    /// How long before its expiry a token is no longer served. Default 30 s; zero to 10 min.
    ///
    /// Scaled down to a twentieth of the life of a short-lived token, and of the time left of one that the
    /// service hands out again, but not below 1 s.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the value is out of range.
    pub fn safety_margin(mut self, margin: Duration) -> Result<Self, ConfigError> {
        self.safety_margin = checked("safety_margin", margin, Duration::ZERO..=HOUR / 6)?;
        Ok(self)
    }

    /// The shortest time from one renewal to the next, where both bring the same token. Default 10 s; 1 s to 1 h.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the value is out of range.
    pub fn refresh_floor(mut self, floor: Duration) -> Result<Self, ConfigError> {
        self.refresh_floor = checked("refresh_floor", floor, SECOND..=HOUR)?;
        Ok(self)
    }

    /// How long one fetch may take, with the retries of its source. Default 90 s; 1 s to 10 min.
    ///
    /// A renewal gets no more than half of the time for which the held token can still be served (but
    /// 10 s at least), so that a silent service leaves time for another try.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the value is out of range.
    pub fn fetch_deadline(mut self, deadline: Duration) -> Result<Self, ConfigError> {
        self.fetch_deadline = checked("fetch_deadline", deadline, SECOND..=HOUR / 6)?;
        Ok(self)
    }

    /// The pause after a first failure, which doubles with each further one up to a limit. Default
    /// 2 s and 60 s; 100 ms to 1 h.
    ///
    /// Each pause is up to a quarter shorter at random, but never shorter than the service asked for
    /// (`Retry-After`, which counts up to the limit). While a token is held, a pause takes at most
    /// half of the time for which it can still be served.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a value is out of range or the first is longer than the limit.
    pub fn backoff(mut self, first: Duration, limit: Duration) -> Result<Self, ConfigError> {
        self.backoff_limit = checked("backoff", limit, SECOND / 10..=HOUR)?;
        self.backoff_start = checked("backoff", first, SECOND / 10..=limit)?;
        Ok(self)
    }

    /// The longest pause after a transient failure while there is no token to serve. Default 10 s;
    /// 100 ms to 1 h.
    ///
    /// Until it has passed, callers get the last error without a request.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the value is out of range.
    pub fn hold_off(mut self, longest: Duration) -> Result<Self, ConfigError> {
        self.hold_off = checked("hold_off", longest, SECOND / 10..=HOUR)?;
        Ok(self)
    }

    /// The least time between two fetches that [`invalidate`](crate::TokenCache::invalidate) causes.
    /// Default 30 s; 1 s to 1 h.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the value is out of range.
    pub fn forced_fetch_interval(mut self, interval: Duration) -> Result<Self, ConfigError> {
        self.forced_fetch_interval = checked("forced_fetch_interval", interval, SECOND..=HOUR)?;
        Ok(self)
    }
}

/// What follows from the settings.
impl RefreshPolicy {
    /// The margin for a token with this much life.
    pub(super) fn margin_for(&self, life: Duration) -> Duration {
        self.safety_margin.min((life / MARGIN_SHARE).max(SHORTEST_MARGIN))
    }

    pub(super) fn floor(&self) -> Duration {
        self.refresh_floor
    }

    pub(super) fn forced_interval(&self) -> Duration {
        self.forced_fetch_interval
    }

    /// How long a fetch may take while a token can be served for `servable` more.
    pub(super) fn deadline_for(&self, servable: Duration) -> Duration {
        if servable.is_zero() {
            return self.fetch_deadline;
        }
        self.fetch_deadline.min((servable / 2).max(SHORTEST_RENEWAL))
    }

    /// The pause after so many failures in a row, before jitter, while a token can be served.
    ///
    /// It ends no later than the token's last servable moment, so that a try falls into it.
    pub(super) fn pause_with_token(&self, failures: u32, servable: Duration) -> Duration {
        self.pause(failures).min((servable / 2).max(self.backoff_start)).min(servable)
    }

    /// The pause after so many failures in a row, before jitter, while there is nothing to serve.
    pub(super) fn pause_without_token(&self, failures: u32, transient: bool) -> Duration {
        let pause = self.pause(failures);
        if transient { pause.min(self.hold_off) } else { pause }
    }

    /// What counts of a pause that the service asked for.
    pub(super) fn asked_pause(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or_default().min(self.backoff_limit)
    }

    fn pause(&self, failures: u32) -> Duration {
        let doublings = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.backoff_start.saturating_mul(doublings).min(self.backoff_limit)
    }
}

fn checked(
    setting: &str,
    value: Duration,
    range: RangeInclusive<Duration>,
) -> Result<Duration, ConfigError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let fix = format!("choose a time from {:?} to {:?}", range.start(), range.end());
    Err(ConfigError::new(ConfigErrorKind::Unsupported, "the time is out of range", fix)
        .in_variable(format!("RefreshPolicy::{setting}")))
}
