use std::time::Duration;

use tokio::time::Instant;

use super::{jitter, policy::RefreshPolicy, snapshot::Snapshot};
use crate::{clock::Moment, token::AccessToken};

/// A renewal point comes up to a tenth earlier: over an hour for the 12 h of a managed identity.
const JITTER_SHARE: u32 = 10;

/// The token in the cache, with what is known about its times.
///
/// All its times are spans since it was received. That makes them safe against a clock that jumps,
/// and against expiry times that an `Instant` can't express. What every call asks is kept as moments
/// too: comparing them costs a fraction of the arithmetic.
#[derive(Clone, Debug)]
pub(super) struct Held {
    token: AccessToken,
    received: Moment,
    life: Duration,
    margin: Duration,
    renew_after: Duration,
    serve_until: Moment,
    renew_at: Moment,
    suspect: bool,
}

impl Held {
    /// Takes in a token that came just now, or nothing if it can't be served.
    pub(super) fn receive(
        token: AccessToken,
        now: Moment,
        policy: &RefreshPolicy,
        random: u64,
    ) -> Option<Self> {
        let life = token.life_left(now.wall);
        let margin = policy.margin_for(life);
        let half = life / 2;
        let issuer_wants = token
            .refresh_on()
            .map(|at| at.duration_since(now.wall).unwrap_or_default())
            .filter(|&wanted| wanted < life.saturating_sub(margin));
        let renew_after = jitter::earlier(issuer_wants.unwrap_or(half), JITTER_SHARE, random)
            .max(policy.floor().min(half));
        Self::new(token, now, life, margin, renew_after)
    }

    /// Takes in the token that is held already, or nothing if it can't be served any longer.
    ///
    /// What the clocks have shown about its life stays in force while that leaves it servable: a wall
    /// clock that was set back makes it live no longer. After that the issuer, who still hands it out,
    /// knows better: a wall clock that ran ahead when it first came doesn't shorten its life for good.
    pub(super) fn receive_again(
        &self,
        now: Moment,
        policy: &RefreshPolicy,
        random: u64,
    ) -> Option<Self> {
        let by_wall_clock = self.token.life_left(now.wall);
        let life =
            if self.is_servable(now) { by_wall_clock.min(self.left(now)) } else { by_wall_clock };
        // Scaled to what is left: an endpoint that caches hands out no other token before this one ends.
        let margin = self.margin.min(policy.margin_for(life));
        let renew_after = jitter::earlier(life / 2, JITTER_SHARE, random).max(policy.floor());
        Self::new(self.token.clone(), now, life, margin, renew_after)
    }

    /// From now on, if it can be served now.
    fn new(
        token: AccessToken,
        received: Moment,
        life: Duration,
        margin: Duration,
        renew_after: Duration,
    ) -> Option<Self> {
        let serve_until = received.after(life.saturating_sub(margin));
        let renew_at = received.after(renew_after);
        let suspect = false;
        let held =
            Self { token, received, life, margin, renew_after, serve_until, renew_at, suspect };
        held.is_servable(received).then_some(held)
    }

    pub(super) fn token(&self) -> &AccessToken {
        &self.token
    }

    /// What hits need to know of it.
    pub(super) fn snapshot(
        &self,
        lands_by: Option<Instant>,
        retry_at: Option<Moment>,
        failing: bool,
    ) -> Snapshot {
        Snapshot {
            token: self.token.clone(),
            serve_until: self.serve_until,
            renew_at: self.renew_at,
            lands_by,
            retry_at,
            failing,
        }
    }

    /// Time since it was received, by the clock that shows more: the monotonic clock stands still
    /// during a suspend, and the wall clock may be set back.
    pub(super) fn age(&self, now: Moment) -> Duration {
        let by_wall_clock = now.wall.duration_since(self.received.wall).unwrap_or_default();
        now.monotonic.saturating_duration_since(self.received.monotonic).max(by_wall_clock)
    }

    /// Time until it expires.
    pub(super) fn left(&self, now: Moment) -> Duration {
        self.life.saturating_sub(self.age(now))
    }

    /// For how long it can still be served: until the safety margin begins.
    pub(super) fn servable_for(&self, now: Moment) -> Duration {
        self.left(now).saturating_sub(self.margin)
    }

    pub(super) fn is_servable(&self, now: Moment) -> bool {
        now.is_before(self.serve_until)
    }

    /// Whether it should be renewed.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        !now.is_before(self.renew_at)
    }

    /// Whether this one is to be kept although the other one came: it can be served for longer, and no server
    /// has rejected it.
    pub(super) fn is_better_than(&self, other: &Self, now: Moment) -> bool {
        !self.suspect && self.is_servable(now) && self.left(now) > other.left(now)
    }

    /// Time until it should be renewed.
    pub(super) fn renew_in(&self, now: Moment) -> Duration {
        self.renew_after.saturating_sub(self.age(now))
    }

    /// Whether the server rejected it, and no fetch has said more about it since.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect
    }

    /// Casts doubt on it, which makes a renewal due.
    pub(super) fn suspect(&mut self) {
        self.suspect = true;
        self.renew_after = Duration::ZERO;
        self.renew_at = self.received;
    }

    /// Trusts it again after a forced fetch failed; a renewal stays due.
    pub(super) fn rehabilitate(&mut self) {
        self.suspect = false;
    }
}
