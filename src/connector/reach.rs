//! How a server is reached: its addresses, how long each of them may take, and what to report of failures.

use std::{error::Error as StdError, net::SocketAddr, time::Duration};

use tokio::time::Instant;

use crate::{
    ConnectError, Error,
    clock::{Clock, SystemClock},
    config::Host,
};

/// The address in the settings, or those that the name resolves to.
pub(crate) async fn addresses(host: &Host) -> Result<Vec<SocketAddr>, Error> {
    if let Some(address) = host.address() {
        return Ok(vec![SocketAddr::new(address, host.port())]);
    }
    let found = tokio::net::lookup_host((host.name(), host.port())).await;
    let found: Vec<_> = found.map_err(|error| unresolved(host, error))?.collect();
    if found.is_empty() {
        return Err(unresolved(host, "the name has no address"));
    }
    Ok(found)
}

pub(crate) fn unresolved(host: &Host, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    ConnectError::unresolved(host.name(), host.port(), cause).into()
}

/// The time that one of several targets may take, so that a dead one leaves time for the others. The
/// last one may take all that is left.
pub(crate) fn fair_share(deadline: Instant, targets_left: usize) -> Option<Duration> {
    let left = deadline.saturating_duration_since(SystemClock.now().monotonic);
    let targets_left = u32::try_from(targets_left).unwrap_or(u32::MAX);
    (targets_left > 1).then(|| left / targets_left)
}

/// Of two failures, the one that another pass may not meet.
pub(crate) fn more_hopeful(earlier: Option<Error>, later: Error) -> Error {
    match earlier {
        Some(earlier) if earlier.is_transient() => earlier,
        _ => later,
    }
}
