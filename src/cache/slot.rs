use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};

use super::{
    RefreshPolicy,
    flight::Flight,
    lane::{LANES, Lane},
    snapshot::Snapshot,
    state::State,
    stats::Counters,
};
use crate::{clock::Moment, token::AccessToken};

/// The state behind its lock, and beside it what hits read without the lock.
pub(super) struct Slot {
    content: Mutex<Content>,
    published: ArcSwapOption<Published>,
}

struct Content {
    state: State<Flight>,
    counters: Counters,
}

/// A snapshot of the state, with a handle of its token for each lane: a hit writes to the handle, since
/// it counts references.
pub(super) struct Published {
    snapshot: Snapshot,
    handles: Arc<[AccessToken]>,
}

impl Slot {
    pub(super) fn new(policy: RefreshPolicy, source_name: String) -> Self {
        let state = State::new(policy, source_name);
        let content = Mutex::new(Content { state, counters: Counters::default() });
        Self { content, published: ArcSwapOption::empty() }
    }

    /// What there is for hits, once there is a token. This takes no lock, and writes to no memory but
    /// this thread's own.
    pub(super) fn published(&self) -> Guard<Option<Arc<Published>>> {
        self.published.load()
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { content, published: &self.published, changed: false }
    }
}

impl Published {
    /// The token, if all that a call has to do now is to take it.
    pub(super) fn serve(&self, now: Moment, lane: Lane) -> Option<AccessToken> {
        self.snapshot.serves(now).then(|| self.handles[lane.index()].clone())
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The handles are made once for a token, however often its snapshots change.
    fn new(snapshot: Snapshot, last: Option<&Self>) -> Self {
        let same = last.filter(|last| last.snapshot.token.is_same_as(&snapshot.token));
        let handles = match same {
            Some(last) => last.handles.clone(),
            None => (0..LANES).map(|_| snapshot.token.counted_apart()).collect(),
        };
        Self { snapshot, handles }
    }
}

/// The lock on the state. If the state was changed, that is published before the lock is free: so
/// snapshots come in the order of the changes, and no hit that begins after a change misses it.
pub(super) struct Locked<'a> {
    content: MutexGuard<'a, Content>,
    published: &'a ArcSwapOption<Published>,
    changed: bool,
}

impl Locked<'_> {
    pub(super) fn state(&self) -> &State<Flight> {
        &self.content.state
    }

    /// The state, to be changed.
    pub(super) fn state_mut(&mut self) -> &mut State<Flight> {
        self.changed = true;
        &mut self.content.state
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.content.counters
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.content.counters
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if !self.changed {
            return;
        }
        let last = self.published.load();
        let next = self.content.state.snapshot();
        let next = next.map(|snapshot| Arc::new(Published::new(snapshot, last.as_deref())));
        self.published.store(next);
    }
}
