use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::malformed;

/// A final error, as the client will see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(sqlstate: &str, message: impl Into<String>) -> Self {
        Self { sqlstate: sqlstate.to_owned(), message: message.into() }
    }

    /// The fields of the message: what each is, and its value.
    fn fields(&self) -> [(u8, &str); 5] {
        [
            (b'S', "FATAL"),
            (b'V', "FATAL"),
            (b'C', &self.sqlstate),
            (b'M', &self.message),
            (b'R', "auth_failed"),
        ]
    }
}

/// Sends a final error and closes the sending side.
pub(crate) async fn refuse<S>(stream: &mut S, refusal: &Refusal) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    let mut body = Vec::new();
    for (kind, value) in refusal.fields() {
        body.push(kind);
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).map_err(|_| malformed())?;
    let message = [b"E".as_slice(), &length.to_be_bytes(), &body].concat();
    stream.write_all(&message).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_is_an_error_response_and_then_the_end() {
        let mut sent = Vec::new();
        refuse(&mut sent, &Refusal::new("57P03", "starting up")).await.unwrap();
        let fields = b"SFATAL\0VFATAL\0C57P03\0Mstarting up\0Rauth_failed\0\0";
        let length = (fields.len() as u32 + 4).to_be_bytes();
        assert_eq!(sent, [&b"E"[..], &length, fields].concat());
    }
}
