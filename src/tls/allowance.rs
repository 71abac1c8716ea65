//! A limit to what a server may send before a login is over.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A login takes a few kilobytes of parameters and notices. tokio-postgres keeps all of them, and waits
/// for a message of whatever length the server announces.
const LOGIN_LIMIT: usize = 1024 * 1024;

/// Stands for no limit: nobody reads as much.
const UNLIMITED: usize = usize::MAX;

/// How many bytes may still be read. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    pub(crate) fn for_login() -> Self {
        Self(Arc::new(LOGIN_LIMIT.into()))
    }

    /// From now on everything may be read: the login is over.
    pub(crate) fn lift(&self) {
        self.0.store(UNLIMITED, Ordering::Relaxed);
    }

    pub(super) fn spend(&self, bytes: usize) -> io::Result<()> {
        let left = self.0.load(Ordering::Relaxed);
        if left == UNLIMITED {
            return Ok(());
        }
        let left = left.checked_sub(bytes).ok_or_else(used_up)?;
        self.0.store(left, Ordering::Relaxed);
        Ok(())
    }
}

fn used_up() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the server sent more than 1 MiB during the login")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_for_all_reads_together_until_it_is_lifted() {
        let allowance = Allowance::for_login();
        allowance.spend(LOGIN_LIMIT - 1).unwrap();
        allowance.clone().spend(1).unwrap();
        assert_eq!(allowance.spend(1).unwrap_err().kind(), io::ErrorKind::InvalidData);
        allowance.lift();
        allowance.spend(LOGIN_LIMIT).unwrap();
    }
}
