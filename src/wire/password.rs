use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use zeroize::Zeroizing;

use super::malformed;

/// `PG_MAX_AUTH_TOKEN_LENGTH` of the server, which counts the length field and the final zero.
const LONGEST_PASSWORD: u32 = 65_535;

/// Asks for the password in clear, which is how a token is sent, and reads it.
pub(crate) async fn ask_password<S>(stream: &mut S) -> io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    const AUTHENTICATION_CLEARTEXT_PASSWORD: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
    stream.write_all(&AUTHENTICATION_CLEARTEXT_PASSWORD).await?;
    stream.flush().await?;
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    if kind != b'p' || !(5..=LONGEST_PASSWORD).contains(&length) {
        return Err(malformed());
    }
    let mut bytes = vec![0; length as usize - 4];
    stream.read_exact(&mut bytes).await?;
    if bytes.pop() != Some(0) {
        return Err(malformed());
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

/// The answer to a request for a password in clear.
pub(crate) fn password_message(password: &str) -> Zeroizing<Vec<u8>> {
    let length = password.len() as u32 + 5;
    let parts = [b"p", &length.to_be_bytes()[..], password.as_bytes(), b"\0"];
    Zeroizing::new(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_read() {
        assert_eq!(password_of(&password_message("hunter")).await.unwrap(), "hunter");
    }

    /// What a client that answers with these bytes is taken to have said.
    async fn password_of(answer: &[u8]) -> io::Result<String> {
        let (mut server, mut client) = tokio::io::duplex(64);
        client.write_all(answer).await.unwrap();
        client.shutdown().await.unwrap();
        ask_password(&mut server).await
    }

    #[tokio::test]
    async fn a_password_is_read_without_its_final_zero() {
        assert_eq!(password_of(b"p\0\0\0\x0bhunter\0").await.unwrap(), "hunter");
        assert_eq!(password_of(b"p\0\0\0\x05\0").await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_is_no_password_is_refused_before_it_is_buffered() {
        let answers: [&[u8]; 5] = [
            b"p\xff\xff\xff\xffhunter\0",
            b"p\0\0\0\x04",
            b"p\0\0\0\x0bhunters",
            b"p\0\0\0\x06\xff\0",
            b"Q\0\0\0\x05\0",
        ];
        for answer in answers {
            assert!(password_of(answer).await.is_err(), "{answer:?}");
        }
    }
}
