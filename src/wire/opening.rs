use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Startup, malformed};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
const PROTOCOL_MAJOR_3: u32 = 3;

/// `MAX_STARTUP_PACKET_LENGTH` of the server.
const LONGEST_STARTUP: u32 = 10_000;
/// What a client may begin a connection with.
pub(crate) enum Opening {
    Ssl,
    GssEncryption,
    /// A cancel request, whole.
    Cancel(Vec<u8>),
    Startup(Startup),
}

/// Reads what a client begins with. Nothing that is longer than the server would take is buffered.
pub(crate) async fn read_opening<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Opening> {
    let length = stream.read_u32().await?;
    if !(8..=LONGEST_STARTUP).contains(&length) {
        return Err(malformed());
    }
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.resize(length as usize, 0);
    stream.read_exact(&mut bytes[4..]).await?;
    let code = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    match (code, length) {
        (SSL_REQUEST, 8) => Ok(Opening::Ssl),
        (GSS_ENCRYPTION_REQUEST, 8) => Ok(Opening::GssEncryption),
        (CANCEL_REQUEST, _) => Ok(Opening::Cancel(bytes)),
        _ if code >> 16 == PROTOCOL_MAJOR_3 => Startup::parse(&bytes).map(Opening::Startup),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn startup(fields: &[u8]) -> Vec<u8> {
        let length = (8 + fields.len()) as u32;
        [&length.to_be_bytes(), &[0, 3, 0, 0], fields].concat()
    }

    #[tokio::test]
    async fn a_startup_message_names_its_user_and_database() {
        let bytes = startup(b"user\0aad_app\0database\0orders\0\0");
        let Ok(Opening::Startup(message)) = read_opening(&mut bytes.as_slice()).await else {
            panic!("not a start-up message");
        };
        assert_eq!(message.user(), "aad_app");
        assert_eq!(message.parameter("database"), Some(&b"orders"[..]));
        assert_eq!(message.to_bytes(), bytes);
    }

    /// The server would serve the last user, whoever was judged.
    #[tokio::test]
    async fn a_startup_message_that_names_something_twice_is_refused() {
        for fields in [
            &b"user\0aad_app\0user\0postgres\0\0"[..],
            b"user\0aad_app\0database\0orders\0database\0postgres\0\0",
            b"user\0aad_app\0options\0\0options\0-c x=y\0\0",
            b"user\0aad_app\0user\0\0",
        ] {
            let bytes = startup(fields);
            assert!(read_opening(&mut bytes.as_slice()).await.is_err(), "{fields:?}");
        }
    }

    #[tokio::test]
    async fn a_user_is_cut_off_where_the_server_cuts_it_off() {
        for (user, cut) in
            [("x".repeat(64), "x".repeat(63)), ("é".repeat(32), "é".repeat(31) + "\u{fffd}")]
        {
            let bytes = startup(format!("user\0{user}\0\0").as_bytes());
            let Ok(Opening::Startup(message)) = read_opening(&mut bytes.as_slice()).await else {
                panic!("not a start-up message");
            };
            assert_eq!(message.user(), cut);
        }
    }

    #[tokio::test]
    async fn a_malformed_opening_is_refused_before_it_is_buffered() {
        let huge = u32::MAX.to_be_bytes().to_vec();
        let no_user = startup(b"database\0orders\0\0");
        let unterminated = startup(b"user\0x");
        let http = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        for bytes in [huge, no_user, unterminated, http, vec![0, 0, 0, 7]] {
            assert!(read_opening(&mut bytes.as_slice()).await.is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_opening_panics(bytes in vec(any::<u8>(), 0..200), fields in vec(any::<u8>(), 0..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for bytes in [bytes, startup(&fields), startup(&[b"user\0", &fields[..], b"\0\0"].concat())] {
                let opening = runtime.block_on(read_opening(&mut bytes.as_slice()));
                if let Ok(Opening::Startup(message)) = opening {
                    prop_assert!(!message.user().is_empty() && message.to_bytes() == bytes);
                }
            }
        }
    }
}
