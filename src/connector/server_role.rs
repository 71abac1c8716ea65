//! Whether a server is a primary or a replica, by its state of recovery.
//!
//! `target_session_attrs` asks for it with `primary`, `standby` and `prefer-standby`; a primary may be
//! read-only by default, as Azure makes one whose disk is nearly full
//! ([documentation](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS)).

use std::{io, pin::pin};

use futures_util::future::{Either, select};
use tokio_postgres::{Client, Connection, Error as DriverError, SimpleQueryMessage, Socket};

use crate::{
    config::Host,
    error::{ConnectError, Error},
    tls::TlsStream,
};

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerRole {
    Primary,
    Standby,
}

impl ServerRole {
    /// The answer to this, in one boolean.
    pub(crate) const QUESTION: &'static str = "SELECT pg_catalog.pg_is_in_recovery()";

    pub(crate) fn of_recovery(in_recovery: bool) -> Self {
        if in_recovery { Self::Standby } else { Self::Primary }
    }

    /// What the server of a session that nobody drives yet is.
    pub(super) async fn of(
        client: &Client,
        connection: &mut Connection<Socket, TlsStream>,
    ) -> Result<Self, DriverError> {
        // From PostgreSQL 14 on the server says it by itself.
        let reported = connection.parameter("in_hot_standby").map(|state| state == "on");
        let in_recovery = match reported {
            Some(in_recovery) => in_recovery,
            None => asked(client, connection).await?,
        };
        Ok(Self::of_recovery(in_recovery))
    }

    /// The failure of a server that is something else.
    pub(super) fn not_found_at(self, host: &Host) -> Error {
        let text = match self {
            Self::Primary => "the server is a replica",
            Self::Standby => "the server is no replica",
        };
        let cause = io::Error::new(io::ErrorKind::PermissionDenied, text);
        ConnectError::new(host.name(), host.port(), true, cause).into()
    }
}

async fn asked(
    client: &Client,
    connection: &mut Connection<Socket, TlsStream>,
) -> Result<bool, DriverError> {
    let question = pin!(client.simple_query(ServerRole::QUESTION));
    let answer = match select(question, &mut *connection).await {
        Either::Left((answer, _)) => answer?,
        // Its end comes before the answer only if it broke; the question then ends with that error.
        Either::Right((ended, question)) => {
            ended?;
            question.await?
        }
    };
    Ok(answer.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
        _ => false,
    }))
}
