//! Bytes both ways, without a buffer for a session that is idle.
//!
//! All sessions of a thread read into one buffer of the thread's, and write from it. Only what the other
//! side does not take at once is kept, and until it takes that, nothing more is read.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;

/// The most that is read at once and kept for a side that is slow: four TLS records.
const BUFFER: usize = 64 * 1024;

/// After a read as large as this more is looked for before it is written: it is a bulk transfer, in records
/// of 16 KiB at most. After a small one it is written at once.
const BULK: usize = 8 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// One of the sides closed or broke the connection.
    ByEither,
    /// It was to end, and the server's last message has been passed on whole.
    BetweenMessages,
}

/// Passes bytes on until either side ends, or until `ends` and then the end of a message of the server.
pub(super) async fn pump<P, S>(
    program: &mut P,
    server: &mut S,
    early: Vec<u8>,
    ends: impl Future<Output = ()>,
) -> io::Result<Ended>
where
    P: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut to_server = Direction { kept: early, ..Direction::default() };
    let mut to_program = Direction::default();
    let mut framing = Framing::default();
    let mut is_ending = false;
    let mut ends = std::pin::pin!(ends);
    poll_fn(|cx| {
        if !is_ending && ends.as_mut().poll(cx).is_ready() {
            is_ending = true;
        }
        let upstream = to_server.poll(cx, program, server, |_| Step::WriteAll);
        let downstream = to_program.poll(cx, server, program, |bytes| {
            let last_end = framing.follow(bytes);
            match last_end {
                Some(end) if is_ending => Step::WriteUpTo(end),
                _ => Step::WriteAll,
            }
        })?;
        let is_cut_off = to_program.is_cut_off && downstream.is_ready();
        let stands_between = is_ending && to_program.is_empty() && framing.is_between_messages();
        if is_cut_off || stands_between {
            return Poll::Ready(Ok(Ended::BetweenMessages));
        }
        // After the other direction: a server that no longer takes anything may have had last words.
        if upstream?.is_ready() || downstream.is_ready() {
            return Poll::Ready(Ok(Ended::ByEither));
        }
        Poll::Pending
    })
    .await
}

/// What becomes of bytes that were read.
enum Step {
    WriteAll,
    /// The rest is dropped, and nothing follows.
    WriteUpTo(usize),
}

/// One direction of a session.
#[derive(Default)]
struct Direction {
    /// What has been read and not yet been written.
    kept: Vec<u8>,
    written: usize,
    must_flush: bool,
    has_ended: bool,
    /// The rest of the stream is not passed on.
    is_cut_off: bool,
}

impl Direction {
    fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Passes on what there is. Ready at the end of the stream, when all of it has been written.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        mut judge: impl FnMut(&[u8]) -> Step,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_kept(cx, to))?;
            if self.has_ended || self.is_cut_off {
                return self.poll_flush(cx, to);
            }
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let count = ready!(self.poll_fill(cx, from, scratch))?;
                let count = match judge(&scratch[..count]) {
                    Step::WriteAll => count,
                    Step::WriteUpTo(end) => {
                        self.is_cut_off = true;
                        end
                    }
                };
                self.write_or_keep(cx, to, &scratch[..count])?;
                Poll::Ready(io::Result::Ok(()))
            });
            match read {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    ready!(self.poll_flush(cx, to))?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Writes what was kept, and gives its memory back.
    fn poll_kept<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.written < self.kept.len() {
            let count = ready!(Pin::new(&mut *to).poll_write(cx, &self.kept[self.written..]))?;
            self.wrote(count)?;
            self.written += count;
        }
        if !self.kept.is_empty() {
            (self.kept, self.written) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once, and on for as long as much comes. A read of nothing is the end of the stream.
    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        loop {
            let before = buffer.filled().len();
            match Pin::new(&mut *from).poll_read(cx, &mut buffer) {
                Poll::Pending if before == 0 => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(result) => result?,
            }
            let count = buffer.filled().len() - before;
            if count == 0 {
                self.has_ended = true;
            }
            if count < BULK || buffer.remaining() == 0 {
                break;
            }
        }
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes what is taken at once, and keeps the rest.
    fn write_or_keep<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, bytes) {
                Poll::Ready(count) => {
                    let count = count?;
                    self.wrote(count)?;
                    bytes = &bytes[count..];
                }
                Poll::Pending => {
                    self.kept = bytes.to_vec();
                    break;
                }
            }
        }
        Ok(())
    }

    fn wrote(&mut self, count: usize) -> io::Result<()> {
        self.must_flush = true;
        if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }

    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        if self.must_flush {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.must_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// Both ends of a pump between a program and a server with pipes of this size.
    fn pumped(
        size: usize,
        ends: impl Future<Output = ()> + Send + 'static,
    ) -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<io::Result<Ended>>) {
        let (program, mut program_side) = duplex(size);
        let (server, mut server_side) = duplex(size);
        let pump = tokio::spawn(async move {
            pump(&mut program_side, &mut server_side, b"early".to_vec(), ends).await
        });
        (program, server, pump)
    }

    #[tokio::test]
    async fn what_was_read_early_comes_first_and_then_everything_both_ways() {
        let (mut program, mut server, pump) = pumped(1000, pending());
        let question: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
        let answer: Vec<u8> = question.iter().map(|byte| byte ^ 0x55).collect();
        let (mut asked, mut answered) = (vec![0; 5 + question.len()], vec![0; answer.len()]);
        let (mut program_reads, mut program_writes) = tokio::io::split(&mut program);
        let (mut server_reads, mut server_writes) = tokio::io::split(&mut server);
        tokio::try_join!(
            program_writes.write_all(&question),
            async { server_reads.read_exact(&mut asked).await.map(drop) },
            server_writes.write_all(&answer),
            async { program_reads.read_exact(&mut answered).await.map(drop) },
        )
        .unwrap();
        assert_eq!(asked, [&b"early"[..], &question].concat());
        assert_eq!(answered, answer);
        drop(program);
        assert_eq!(pump.await.unwrap().unwrap(), Ended::ByEither);
    }

    #[tokio::test]
    async fn a_session_that_is_to_end_amid_a_message_ends_after_a_whole_one() {
        let (end, ended) = tokio::sync::oneshot::channel();
        let (mut program, mut server, pump) = pumped(1000, async move { drop(ended.await) });
        server.write_all(b"D\0\0\0\x09").await.unwrap();
        program.read_exact(&mut [0; 5]).await.unwrap();
        end.send(()).unwrap();
        server.write_all(b"half!1\0\0\0\x04Z\0").await.unwrap();
        let mut received = Vec::new();
        program.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"half!1\0\0\0\x04");
        assert_eq!(pump.await.unwrap().unwrap(), Ended::BetweenMessages);
    }

    #[tokio::test]
    async fn the_last_words_of_a_server_that_hangs_up_arrive() {
        let (mut program, mut server, pump) = pumped(1000, pending());
        server.write_all(b"E\0\0\0\x04").await.unwrap();
        drop(server);
        let mut received = Vec::new();
        program.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"E\0\0\0\x04");
        pump.await.unwrap().ok();
    }
}
