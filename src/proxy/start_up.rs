//! From a connection to what the program wants.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::refusal;
use crate::{
    secret::Secret,
    wire::{self, Opening, Refusal, Startup},
};

/// How often a program may ask for encryption: once for TLS and once for GSS, as libpq does.
const ENCRYPTION_REQUESTS: usize = 2;

/// What a program wants.
pub(super) enum Wish {
    Session(Startup),
    /// The cancel request, whole.
    Cancel(Vec<u8>),
    /// Nothing that can be had.
    Nothing(Refused),
}

/// A program that is refused here.
pub(super) struct Refused {
    pub(super) answer: Refusal,
    /// For the log.
    pub(super) reason: &'static str,
}

/// Reads how the program begins, and asks for the local password where there is one.
pub(super) async fn begin<S>(
    stream: &mut S,
    password: Option<&Secret>,
    limit: Duration,
) -> io::Result<Wish>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wish = async {
        let startup = match opening(stream).await? {
            Opening::Startup(startup) => startup,
            Opening::Cancel(request) => return io::Result::Ok(Wish::Cancel(request)),
            Opening::Ssl | Opening::GssEncryption => return Ok(malformed()),
        };
        let Some(password) = password else { return Ok(Wish::Session(startup)) };
        let given = Secret::new(wire::ask_password(stream).await?);
        if is_same(given.expose().as_bytes(), password.expose().as_bytes()) {
            Ok(Wish::Session(startup))
        } else {
            Ok(Wish::Nothing(Refused {
                answer: refusal::wrong_password(),
                reason: "the password is wrong",
            }))
        }
    };
    match timeout(limit, wish).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Ok(malformed()),
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// The first message that is no request for encryption, which there is none of here.
async fn opening<S>(stream: &mut S) -> io::Result<Opening>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..ENCRYPTION_REQUESTS {
        match wire::read_opening(stream).await? {
            Opening::Ssl | Opening::GssEncryption => stream.write_all(b"N").await?,
            opening => return Ok(opening),
        }
    }
    wire::read_opening(stream).await
}

fn malformed() -> Wish {
    Wish::Nothing(Refused {
        answer: refusal::malformed(),
        reason: "what it sent is no start-up message",
    })
}

/// Whether both are the same, in a time that does not tell where they differ.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().zip(expected).fold(0, |all, (left, right)| all | (left ^ right));
    differences == 0 && given.len() == expected.len()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    const STARTUP: &[u8] = b"\0\0\0\x11\0\x03\0\0user\0me\0\0";
    const TLS: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    const GSS: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

    async fn wish_of(bytes: &[u8], password: Option<&str>) -> io::Result<Wish> {
        let (mut program, mut stream) = duplex(20_000);
        program.write_all(bytes).await.unwrap();
        program.shutdown().await.unwrap();
        begin(&mut stream, password.map(Secret::new).as_ref(), Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn requests_for_encryption_are_answered_with_no() {
        let (mut program, mut stream) = duplex(100);
        program.write_all(&[TLS, GSS, STARTUP].concat()).await.unwrap();
        let wish = begin(&mut stream, None, Duration::from_secs(5)).await.unwrap();
        assert!(matches!(wish, Wish::Session(startup) if startup.user() == "me"));
        let mut answers = [0; 2];
        program.read_exact(&mut answers).await.unwrap();
        assert_eq!(&answers, b"NN");
    }

    #[tokio::test]
    async fn whoever_asks_for_encryption_for_ever_is_refused() {
        let wish = wish_of(&TLS.repeat(3), None).await.unwrap();
        assert!(matches!(wish, Wish::Nothing(_)));
    }

    #[tokio::test]
    async fn the_password_decides_where_there_is_one() {
        for (given, is_right) in
            [("hunter2", true), ("hunter", false), ("hunter22", false), ("", false)]
        {
            let bytes = [STARTUP, &wire::password_message(given)].concat();
            let wish = wish_of(&bytes, Some("hunter2")).await.unwrap();
            assert_eq!(matches!(wish, Wish::Session(_)), is_right, "{given}");
        }
    }

    #[tokio::test]
    async fn what_is_no_start_up_is_refused_in_the_protocols_terms() {
        let client_hello = [&b"\x16\x03\x01\x02\x00\x01\x00"[..], &[0; 100]].concat();
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &client_hello, b"\xff\xff\xff\xff"] {
            let wish = wish_of(bytes, None).await.unwrap();
            assert!(matches!(wish, Wish::Nothing(refused) if refused.answer.sqlstate == "08P01"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_is_given_up() {
        let (_program, mut stream) = duplex(100);
        let wish = begin(&mut stream, None, Duration::from_secs(5)).await;
        assert_eq!(wish.err().unwrap().kind(), io::ErrorKind::TimedOut);
    }
}
