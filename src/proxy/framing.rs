//! Where messages end in a stream of them.

/// The kind and the length of a message.
const HEADER: usize = 5;

/// Follows a stream of messages, and knows whether it is between two of them.
#[derive(Debug, Default)]
pub(super) struct Framing {
    header: [u8; HEADER],
    /// How much of the header has come.
    have: usize,
    /// How much of the body is still to come.
    left: usize,
}

impl Framing {
    /// Whether a message of our own could be sent now.
    pub(super) fn is_between_messages(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// Follows the next bytes of the stream. Returns the place of the last end of a message in them; 0 if
    /// there is none, where the stream was between two at their beginning.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut last_end = self.is_between_messages().then_some(0);
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len() - at);
                self.left -= skipped;
                at += skipped;
            } else {
                let taken = (HEADER - self.have).min(bytes.len() - at);
                self.header[self.have..self.have + taken].copy_from_slice(&bytes[at..at + taken]);
                self.have += taken;
                at += taken;
                if self.have < HEADER {
                    break;
                }
                self.have = 0;
                self.left = self.body_length();
            }
            if self.left == 0 {
                last_end = Some(at);
            }
        }
        last_end
    }

    /// The length counts itself, but not the kind. A server that says less than that is no server.
    fn body_length(&self) -> usize {
        let [_, length @ ..] = self.header;
        (u32::from_be_bytes(length) as usize).saturating_sub(4)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::Framing;

    #[test]
    fn the_last_end_of_a_message_is_found() {
        let mut framing = Framing::default();
        assert!(framing.is_between_messages());
        assert_eq!(framing.follow(b"Z\0\0\0\x05IZ\0\0\0\x05IZ\0"), Some(12));
        assert!(!framing.is_between_messages());
        assert_eq!(framing.follow(b"\0\0"), None);
        assert_eq!(framing.follow(b"\x05I"), Some(2));
        assert_eq!(framing.follow(b"1\0\0\0\x04"), Some(5));
        assert_eq!(framing.follow(b"Z"), Some(0));
    }

    proptest! {
        #[test]
        fn the_ends_are_the_same_however_the_stream_is_cut(
            bodies in vec(0..20_usize, 1..10), cuts in vec(1..9_usize, 1..60),
        ) {
            let mut stream = Vec::new();
            let mut ends = vec![0];
            for body in bodies {
                stream.push(b'd');
                stream.extend_from_slice(&(body as u32 + 4).to_be_bytes());
                stream.resize(stream.len() + body, b'x');
                ends.push(stream.len());
            }
            let (mut framing, mut at) = (Framing::default(), 0);
            for cut in cuts.into_iter().chain([stream.len()]) {
                let next = (at + cut).min(stream.len());
                let expected = ends.iter().rev().find(|end| (at..=next).contains(end));
                let found = framing.follow(&stream[at..next]).map(|end| at + end);
                prop_assert_eq!(found, expected.copied());
                at = next;
            }
            prop_assert!(framing.is_between_messages());
        }
    }
}
