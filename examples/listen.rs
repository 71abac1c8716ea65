//! Listens to the channel `orders` for ever, and prints what others notify on it.
//!
//! With the variables of Service Connector: `cargo run --example listen`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.
//!
//! Then, in psql: `NOTIFY orders, 'order 42 was shipped'`.

mod common;

use std::{future::poll_fn, process::ExitCode};

use common::{Failure, exit};
use postgres_entra::{Connector, TlsStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_postgres::{AsyncMessage, Client, Connection, Notification, Socket};

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

/// A connection that broke is followed by another, with the token of that time.
async fn run() -> Result<(), Failure> {
    let connector = Connector::from_env()?;
    loop {
        let (_client, mut notifications) = listen(&connector).await?;
        // What was notified while nobody listened is lost. Now is the time to look for it in a table.
        println!("listening");
        while let Some(notification) = notifications.recv().await {
            println!("{}", notification.payload());
        }
    }
}

/// The client that listens, and what it is notified of for as long as its connection lasts.
async fn listen(connector: &Connector) -> Result<(Client, Receiver<Notification>), Failure> {
    let (client, connection) = connector.connect_parts().await?;
    let (sender, notifications) = channel(100);
    tokio::spawn(drive(connection, sender));
    client.batch_execute("LISTEN orders").await?;
    Ok((client, notifications))
}

/// What the task does that `connect` spawns, and passes notifications on.
async fn drive(mut connection: Connection<Socket, TlsStream>, sender: Sender<Notification>) {
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notification(notification)) => {
                if sender.send(notification).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => return eprintln!("the connection broke: {error}"),
        }
    }
}
