use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// A final error, as the client will see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    /// What the reader should do, where that is known.
    pub(crate) hint: Option<String>,
}

impl Refusal {
    pub(crate) fn new(sqlstate: &str, message: impl Into<String>) -> Self {
        Self { sqlstate: sqlstate.to_owned(), message: message.into(), hint: None }
    }

    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The message as it is sent: an `ErrorResponse`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let fields = [
            (b'S', Some("FATAL")),
            (b'V', Some("FATAL")),
            (b'C', Some(&*self.sqlstate)),
            (b'M', Some(&*self.message)),
            (b'H', self.hint.as_deref()),
        ];
        let mut bytes = vec![b'E', 0, 0, 0, 0];
        for (kind, value) in fields.into_iter().filter_map(|(kind, value)| Some((kind, value?))) {
            bytes.push(kind);
            bytes.extend(value.bytes().filter(|byte| *byte != 0));
            bytes.push(0);
        }
        bytes.push(0);
        let length = bytes.len() as u32 - 1;
        bytes[1..5].copy_from_slice(&length.to_be_bytes());
        bytes
    }
}

/// Sends a final error and closes the sending side.
pub(crate) async fn refuse<S>(stream: &mut S, refusal: &Refusal) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    stream.write_all(&refusal.to_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_is_an_error_response_and_then_the_end() {
        let mut sent = Vec::new();
        refuse(&mut sent, &Refusal::new("57P03", "starting up")).await.unwrap();
        let fields = b"SFATAL\0VFATAL\0C57P03\0Mstarting up\0\0";
        let length = (fields.len() as u32 + 4).to_be_bytes();
        assert_eq!(sent, [&b"E"[..], &length, fields].concat());
    }

    #[test]
    fn a_hint_is_a_field_of_its_own_and_no_text_can_end_a_field() {
        let refusal = Refusal::new("57P03", "starting\0 up").with_hint("wait");
        let fields = b"SFATAL\0VFATAL\0C57P03\0Mstarting up\0Hwait\0\0";
        assert!(refusal.to_bytes().ends_with(fields));
    }
}
