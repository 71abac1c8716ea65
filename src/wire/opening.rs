use std::{collections::HashMap, io};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::malformed;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
const PROTOCOL_MAJOR_3: u32 = 3;

/// `MAX_STARTUP_PACKET_LENGTH` of the server.
const LONGEST_STARTUP: u32 = 10_000;
/// `NAMEDATALEN - 1` of the server.
const LONGEST_NAME: usize = 63;

/// What a client may begin a connection with.
pub(crate) enum Opening {
    Ssl,
    GssEncryption,
    /// A cancel request, whole.
    Cancel(Vec<u8>),
    Startup(Startup),
}

/// A start-up message.
pub(crate) struct Startup {
    pub(crate) user: String,
    pub(crate) database: String,
    /// The message, whole, to be passed on.
    pub(crate) bytes: Vec<u8>,
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
        _ if code >> 16 == PROTOCOL_MAJOR_3 => parse_startup(bytes).map(Opening::Startup),
        _ => Err(malformed()),
    }
}

/// Names and values in turn, each ended by a zero byte, and one more zero byte at the end.
///
/// A name that comes twice is refused, which the server itself would not do: of two values it takes the
/// last, and what is judged here must be what it takes.
fn parse_startup(bytes: Vec<u8>) -> io::Result<Startup> {
    let text = bytes[8..].strip_suffix(b"\0\0").ok_or_else(malformed)?;
    let fields: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
    let (pairs, []) = fields.as_chunks() else { return Err(malformed()) };
    let mut values = HashMap::new();
    for [name, value] in pairs {
        if values.insert(*name, *value).is_some() {
            return Err(malformed());
        }
    }
    // Cut off where the server cuts it off, inside a character too. Half of one becomes U+FFFD, and the
    // name that of no role.
    let field = |name: &[u8]| {
        let value = values.get(name)?;
        let served = &value[..value.len().min(LONGEST_NAME)];
        Some(String::from_utf8_lossy(served).into_owned()).filter(|name| !name.is_empty())
    };
    let user = field(b"user").ok_or_else(malformed)?;
    let database = field(b"database").unwrap_or_else(|| user.clone());
    Ok(Startup { user, database, bytes })
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
        assert_eq!((message.user.as_str(), message.database.as_str()), ("aad_app", "orders"));
        assert_eq!(message.bytes, bytes);
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
            assert_eq!(message.user, cut);
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
                    prop_assert!(!message.user.is_empty() && message.bytes == bytes);
                }
            }
        }
    }
}
