//! Identity endpoints that go wrong in the middle of an answer.
#![allow(unreachable_pub, reason = "the tests include this file as a module of their own")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What follows the beginning of an answer.
#[derive(Clone, Debug)]
pub enum Then {
    /// The end of the connection.
    Close,
    /// A reset of the connection.
    Reset,
    /// Nothing, on an open connection.
    Stall,
    /// These bytes, for as long as the client takes them.
    Flood(Vec<u8>),
    /// This byte each second.
    Trickle(u8),
}

/// An endpoint that answers each request in the same way. Dropping it stops it.
pub struct HostileEndpoint {
    address: SocketAddr,
    seen: Seen,
    task: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Seen {
    connections: Arc<AtomicUsize>,
    bytes_taken: Arc<AtomicU64>,
}

impl HostileEndpoint {
    pub async fn start(beginning: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, beginning) = (Seen::default(), beginning.into());
        let count = seen.clone();
        let task = tokio::spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.connections.fetch_add(1, Ordering::SeqCst);
                served.spawn(serve(stream, beginning.clone(), then.clone(), count.clone()));
            }
        });
        Self { address, seen, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many bytes of floods clients took.
    pub fn bytes_taken(&self) -> u64 {
        self.seen.bytes_taken.load(Ordering::SeqCst)
    }
}

impl Drop for HostileEndpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that hangs up has seen enough, so nothing here fails.
async fn serve(mut stream: TcpStream, beginning: Vec<u8>, then: Then, seen: Seen) {
    // The requests are small enough to come in one piece.
    let _ = stream.read(&mut [0; 65_536]).await;
    if stream.write_all(&beginning).await.is_err() {
        return;
    }
    match then {
        Then::Close => {}
        Then::Reset => {
            let _ = stream.set_zero_linger();
        }
        Then::Stall => drop(stream.read(&mut [0]).await),
        Then::Flood(bytes) => {
            while stream.write_all(&bytes).await.is_ok() {
                seen.bytes_taken.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            }
        }
        Then::Trickle(byte) => {
            while stream.write_all(&[byte]).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
