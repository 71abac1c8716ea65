//! The way between the pools and the server: it can cut its connections, and stand still.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Fin,
    Reset,
}

/// A port on loopback that leads to the server. It has a runtime of its own, so that its tasks are not
/// counted among those of the pools.
pub struct Network {
    port: u16,
    open: Arc<AtomicUsize>,
    cuts: watch::Sender<Cut>,
    moves: watch::Sender<bool>,
}

/// What one connection has to know.
#[derive(Clone)]
struct Line {
    server: SocketAddr,
    open: Arc<AtomicUsize>,
    cuts: watch::Receiver<Cut>,
    moves: watch::Receiver<bool>,
}

impl Network {
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        let (cuts, moves) = (watch::Sender::new(Cut::Fin), watch::Sender::new(true));
        let open = Arc::<AtomicUsize>::default();
        let line =
            Line { server, open: open.clone(), cuts: cuts.subscribe(), moves: moves.subscribe() };
        thread::Builder::new()
            .name("network".to_owned())
            .spawn(move || runtime.block_on(listen(listener, &line)))?;
        Ok(Self { port, open, cuts, moves })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Ends all connections.
    pub fn cut(&self, cut: Cut) {
        self.cuts.send_replace(cut);
    }

    /// Nothing arrives until it moves again.
    pub fn moves(&self, moves: bool) {
        self.moves.send_replace(moves);
    }
}

async fn listen(listener: TcpListener, line: &Line) {
    loop {
        if let Ok((client, _)) = listener.accept().await {
            let mut line = line.clone();
            line.cuts.mark_unchanged();
            tokio::spawn(async move {
                line.open.fetch_add(1, Ordering::SeqCst);
                // Whoever is at its ends notices.
                let _ = line.carry(client).await;
                line.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }
}

impl Line {
    #[allow(deprecated, reason = "its successor is newer than the oldest tokio that is supported")]
    async fn carry(&mut self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(self.server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pass_on(from_client, to_server, self.moves.clone());
        let back = pass_on(from_server, to_client, self.moves.clone());
        tokio::select! {
            done = async { tokio::try_join!(there, back) } => return done.map(drop),
            _ = self.cuts.changed() => {}
        }
        if *self.cuts.borrow() == Cut::Reset {
            client.set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

async fn pass_on(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut moves: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = from.read(&mut buffer).await?;
        moves.wait_for(|moves| *moves).await.map_err(io::Error::other)?;
        match length {
            0 => return to.shutdown().await,
            _ => to.write_all(&buffer[..length]).await?,
        }
    }
}
