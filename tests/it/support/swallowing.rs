//! An address that answers nothing, as behind a firewall that drops packets.

use std::time::Duration;

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// A listener whose queue is full: Linux drops the packets of whoever asks for more.
pub struct Swallowing {
    listener: TcpListener,
    #[expect(dead_code, reason = "they fill the queue")]
    queue: Vec<TcpStream>,
}

impl Swallowing {
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        // On loopback whoever is let in is let in at once.
        while let Ok(stream) =
            timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            queue.push(stream.unwrap());
        }
        Self { listener, queue }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }
}
