use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::malformed;

/// Much more than any message of a login has, the longest notice included.
const LONGEST_MESSAGE: u32 = 128 * 1024;

/// A message of the server.
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

/// What the server asks for, or says, about authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    Ok,
    CleartextPassword,
    /// Any other kind, by its number.
    Other(u32),
}

/// Reads one message, and nothing of what follows it.
pub(crate) async fn read_message<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Message> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    if !(4..=LONGEST_MESSAGE).contains(&length) {
        return Err(malformed());
    }
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok(Message { kind, body })
}

impl Message {
    /// The message as it came.
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.kind);
        bytes.extend_from_slice(&(self.body.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(&self.body);
    }

    /// For a message of the kind `R`.
    pub(crate) fn authentication(&self) -> io::Result<Authentication> {
        let code = self.body.first_chunk().ok_or_else(malformed)?;
        Ok(match u32::from_be_bytes(*code) {
            0 => Authentication::Ok,
            3 => Authentication::CleartextPassword,
            code => Authentication::Other(code),
        })
    }

    /// For an error (`E`): a field of it, such as `C`, the SQLSTATE. Texts of a server are in whatever
    /// encoding it has before the login.
    pub(crate) fn error_field(&self, field: u8) -> Option<String> {
        let fields = self.body.split(|byte| *byte == 0);
        let value = fields.filter_map(<[u8]>::split_first).find(|(kind, _)| **kind == field);
        value.map(|(_, text)| String::from_utf8_lossy(text).into_owned())
    }

    /// For the status of a parameter (`S`): its name and value.
    pub(crate) fn parameter(&self) -> Option<(&[u8], &[u8])> {
        let mut parts = self.body.split(|byte| *byte == 0);
        Some((parts.next()?, parts.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<Message> {
        read_message(&mut &*bytes).await
    }

    #[tokio::test]
    async fn a_message_is_read_and_written_as_it_is() {
        let bytes = b"S\0\0\0\x0aname\0\0Z";
        let message = read(bytes).await.unwrap();
        assert_eq!(message.parameter(), Some((&b"name"[..], &b""[..])));
        let mut written = Vec::new();
        message.append_to(&mut written);
        assert_eq!(written, bytes[..bytes.len() - 1]);
    }

    #[tokio::test]
    async fn an_error_tells_its_fields() {
        let message = read(b"E\0\0\0\x1dSFATAL\0C28000\0Mno entry\0\0").await.unwrap();
        assert_eq!(message.error_field(b'C').as_deref(), Some("28000"));
        assert_eq!(message.error_field(b'M').as_deref(), Some("no entry"));
        assert_eq!(message.error_field(b'H'), None);
    }

    #[tokio::test]
    async fn the_kinds_of_authentication_are_told_apart() {
        let kind =
            async |code| read(&[b'R', 0, 0, 0, 8, 0, 0, 0, code]).await.unwrap().authentication();
        assert_eq!(kind(0).await.unwrap(), Authentication::Ok);
        assert_eq!(kind(3).await.unwrap(), Authentication::CleartextPassword);
        assert_eq!(kind(10).await.unwrap(), Authentication::Other(10));
        assert!(read(b"R\0\0\0\x05\0").await.unwrap().authentication().is_err());
    }

    #[tokio::test]
    async fn a_message_that_is_cut_off_or_too_long_is_refused() {
        for bytes in [&b"S\0\0"[..], b"S\0\0\0\x09name", b"S\0\0\0\x03", b"S\x7f\0\0\0"] {
            assert!(read(bytes).await.is_err(), "{bytes:?}");
        }
    }
}
