//! Which server a cancel request is for.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::connector::driver::ServerAddress;

/// The keys of open sessions, as the servers gave them, and where each session is.
#[derive(Debug, Default)]
pub(super) struct CancelKeys(Mutex<HashMap<Vec<u8>, ServerAddress>>);

impl CancelKeys {
    /// A server that gives no key takes no cancel requests.
    pub(super) fn insert(&self, key: &[u8], server: ServerAddress) {
        if !key.is_empty() {
            self.lock().insert(key.to_vec(), server);
        }
    }

    pub(super) fn remove(&self, key: &[u8]) {
        self.lock().remove(key);
    }

    /// The server of the session with the key of this request.
    pub(super) fn server_of(&self, request: &[u8]) -> Option<ServerAddress> {
        self.lock().get(request.get(8..)?).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, ServerAddress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
