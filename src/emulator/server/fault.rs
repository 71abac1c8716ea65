use std::time::Duration;

/// What the PostgreSQL side does wrong. Acts on connections that are made from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerFault {
    /// Answers that it has no TLS, and would take a password without.
    NoTls,
    /// Accepts connections and never answers.
    Silent,
    /// Completes the TLS handshake and never answers the start-up message.
    SilentAfterTls,
    /// Resets each connection as soon as the client sends anything.
    Reset,
    /// Serves each connection, so much later.
    Delay(Duration),
    /// Answers this many logins that the database system is starting up (57P03), then serves again.
    StartingUp {
        /// How many logins.
        times: u32,
    },
    /// Refuses the login after the password was sent.
    Refuse {
        /// The SQLSTATE, such as `53300`.
        sqlstate: String,
        /// The server's message.
        message: String,
    },
    /// Closes the connection after the password was sent, without a message.
    CloseAfterPassword,
}

impl ServerFault {
    /// A refusal with this SQLSTATE and message, after the password was sent.
    pub fn refuse(sqlstate: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refuse { sqlstate: sqlstate.into(), message: message.into() }
    }
}
