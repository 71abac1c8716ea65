//! An application that waits for notifications, and connects again when its session is lost.

use std::{future::poll_fn, time::Duration};

use postgres_entra::{Connector, Error};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::eventually;

/// How long a session may leave a question unanswered.
const LIMIT: Duration = Duration::from_secs(2);

/// What it has heard and on which session it listens. Dropping it ends it.
pub struct Listener {
    heard: watch::Receiver<String>,
    session: watch::Receiver<i64>,
    task: JoinHandle<Error>,
}

impl Listener {
    pub fn start(connector: &Connector) -> Self {
        let (hearing, heard) = watch::channel(String::new());
        let (sessions, session) = watch::channel(0);
        let connector = connector.clone();
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = listen(&connector, &hearing, &sessions).await {
                    return error;
                }
            }
        });
        Self { heard, session, task }
    }

    /// The server's process of the session that listens, once it does.
    pub async fn session(&self) -> i64 {
        *self.session.clone().wait_for(|pid| *pid != 0).await.expect("a session")
    }

    /// Has the application notified until it hears it.
    pub async fn hears(&self, text: &str, superuser: &Client) {
        let notify = format!("NOTIFY orders, '{text}'");
        eventually("the notification is heard", async || {
            assert!(!self.task.is_finished(), "it has given up");
            superuser.batch_execute(&notify).await.unwrap();
            *self.heard.borrow() == text
        })
        .await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One session, until it is lost.
async fn listen(
    connector: &Connector,
    hearing: &watch::Sender<String>,
    sessions: &watch::Sender<i64>,
) -> Result<(), Error> {
    let (client, mut connection) = connector.connect_parts().await?;
    let hearing = hearing.clone();
    let driver = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                hearing.send_replace(notification.payload().to_owned());
            }
        }
    });
    let begin = async {
        client.batch_execute("LISTEN orders").await?;
        client.query_one("SELECT pg_backend_pid()::bigint", &[]).await
    };
    if let Ok(Ok(row)) = timeout(LIMIT, begin).await {
        sessions.send_replace(row.get(0));
        // A server that hangs is found out by a question alone.
        while let Ok(Ok(())) = timeout(LIMIT, client.check_connection()).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        sessions.send_replace(0);
    }
    driver.abort();
    Ok(())
}
