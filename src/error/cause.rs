//! Looking through chains of causes.

use std::{error::Error as StdError, io, iter};

/// What caused the error, what caused that, and so on.
pub(crate) fn all<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
}

/// The first error of type `E` in the chain that starts with `error` itself.
pub(crate) fn find<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    iter::once(error).chain(all(error)).find_map(|error| error.downcast_ref())
}

/// Whether the operating system reported that a connection failed, broke or ended early.
///
/// Libraries also wrap errors of their own in [`io::Error`]; those carry a cause and don't count,
/// unless they report the end of the stream.
pub(crate) fn lost_connection(error: &(dyn StdError + 'static)) -> bool {
    find::<io::Error>(error).is_some_and(|error| {
        error.get_ref().is_none() || error.kind() == io::ErrorKind::UnexpectedEof
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_operating_system_is_a_lost_connection() {
        assert!(lost_connection(&io::Error::from(io::ErrorKind::ConnectionReset)));
        assert!(lost_connection(&io::Error::new(io::ErrorKind::UnexpectedEof, "handshake eof")));
    }

    #[test]
    fn an_error_that_a_library_wrapped_is_not() {
        assert!(!lost_connection(&io::Error::other("bad certificate")));
        assert!(!lost_connection(&std::fmt::Error));
    }
}
