//! The login to the server: the program's start-up, the identity's role and secret.

use std::io;

use tokio::io::AsyncWriteExt;

use crate::{
    config::{Settings, TargetSessionAttrs},
    connector::{
        driver::{Attempt, Driver, ServerAddress},
        server_role::ServerRole,
    },
    error::Error,
    tls::TlsStream,
    wire::{self, Authentication, Message, Startup},
};

/// A session that the server has begun.
pub(super) struct Upstream {
    pub(super) stream: TlsStream,
    pub(super) server: ServerAddress,
    pub(super) role: String,
    /// What the server said from the end of the authentication on, for the program.
    pub(super) greeting: Vec<u8>,
    /// What cancel requests for this session name.
    pub(super) cancel_key: Vec<u8>,
}

/// Makes logins with the start-up message of one program.
pub(super) struct UpstreamDriver<'a> {
    startup: &'a Startup,
    settings: &'a Settings,
}

impl<'a> UpstreamDriver<'a> {
    pub(super) fn new(startup: &'a Startup, settings: &'a Settings) -> Self {
        Self { startup, settings }
    }

    /// The program's start-up as this role. What it leaves out, the settings say.
    fn startup_as(&self, role: &str) -> Startup {
        let mut startup = self.startup.clone();
        startup.set("user", role.as_bytes());
        let ours = [
            ("database", self.settings.database()),
            ("application_name", self.settings.application_name()),
            ("options", self.settings.options()),
        ];
        for (name, value) in ours {
            if let (None, Some(value)) = (startup.parameter(name), value) {
                startup.set(name, value.as_bytes());
            }
        }
        startup
    }

    async fn greet(
        &self,
        stream: &mut TlsStream,
        attempt: &Attempt<'_>,
    ) -> Result<Greeting, Error> {
        let broken = |error| attempt.failed(error);
        let startup = self.startup_as(attempt.user());
        stream.write_all(&startup.to_bytes()).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        let mut greeting = Greeting::default();
        loop {
            let message = wire::read_message(stream).await.map_err(broken)?;
            match message.kind {
                b'R' => match message.authentication().map_err(broken)? {
                    Authentication::Ok => {}
                    Authentication::CleartextPassword => {
                        let password = wire::password_message(attempt.password());
                        stream.write_all(&password).await.map_err(broken)?;
                        stream.flush().await.map_err(broken)?;
                        continue;
                    }
                    Authentication::Other(code) => return Err(broken(unsupported(code))),
                },
                b'E' => {
                    let field = |field| message.error_field(field).unwrap_or_default();
                    return Err(attempt.refused(&field(b'C'), &field(b'M')));
                }
                // What repeats the secret, such as a notice, goes no further.
                _ if is_within(attempt.password().as_bytes(), &message.body) => continue,
                _ => {}
            }
            if greeting.add(&message) {
                return Ok(greeting);
            }
        }
    }
}

impl Driver for UpstreamDriver<'_> {
    type Session = Upstream;

    async fn log_in(&self, attempt: Attempt<'_>) -> Result<Upstream, Error> {
        let (mut stream, allowance) = attempt.stream().await?;
        let greeting = self.greet(&mut stream, &attempt).await?;
        if !greeting.fits(self.settings.target_session_attrs()) {
            return Err(attempt.failed(other_role()));
        }
        attempt.check_role(async { Ok(greeting.role()) }).await?;
        allowance.lift();
        let Greeting { bytes, cancel_key, .. } = greeting;
        let (server, role) = (attempt.server(), attempt.user().to_owned());
        Ok(Upstream { stream, server, role, greeting: bytes, cancel_key })
    }
}

fn is_within(secret: &[u8], text: &[u8]) -> bool {
    !secret.is_empty() && text.windows(secret.len()).any(|part| part == secret)
}

/// What the server says up to the first `ReadyForQuery`.
#[derive(Default)]
struct Greeting {
    bytes: Vec<u8>,
    cancel_key: Vec<u8>,
    /// Whether it is a standby, or read-only by default.
    is_read_only: bool,
    is_standby: bool,
}

impl Greeting {
    /// Adds a message, and returns whether it is the last one.
    fn add(&mut self, message: &Message) -> bool {
        message.append_to(&mut self.bytes);
        match message.kind {
            b'K' => self.cancel_key.clone_from(&message.body),
            // Reported since PostgreSQL 14
            // (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC).
            b'S' => {
                let on = message.parameter().filter(|(_, value)| *value == b"on");
                match on.map(|(name, _)| name) {
                    Some(b"in_hot_standby") => (self.is_standby, self.is_read_only) = (true, true),
                    Some(b"default_transaction_read_only") => self.is_read_only = true,
                    _ => {}
                }
            }
            _ => {}
        }
        message.kind == b'Z'
    }

    fn role(&self) -> ServerRole {
        if self.is_standby { ServerRole::Standby } else { ServerRole::Primary }
    }

    fn fits(&self, wanted: TargetSessionAttrs) -> bool {
        match wanted {
            TargetSessionAttrs::Any
            | TargetSessionAttrs::Primary
            | TargetSessionAttrs::Standby
            | TargetSessionAttrs::PreferStandby => true,
            TargetSessionAttrs::ReadWrite => !self.is_read_only,
            TargetSessionAttrs::ReadOnly => self.is_read_only,
        }
    }
}

/// The driver's way to say it, which has a hint of its own; a failover mends it.
fn other_role() -> io::Error {
    let text = "the server does not have the role that target_session_attrs asks for";
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

fn unsupported(code: u32) -> io::Error {
    let text = format!(
        "the server asks for authentication of kind {code}, which can't be done through a proxy; \
         Microsoft Entra logins are asked for a password in clear"
    );
    io::Error::new(io::ErrorKind::Unsupported, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Message {
        Message { kind, body: body.to_vec() }
    }

    #[test]
    fn the_greeting_ends_where_the_server_is_ready_and_holds_all_of_it() {
        let mut greeting = Greeting::default();
        assert!(!greeting.add(&message(b'R', &[0; 4])));
        assert!(!greeting.add(&message(b'K', b"pid.key.")));
        assert!(greeting.add(&message(b'Z', b"I")));
        assert_eq!(greeting.cancel_key, b"pid.key.");
        assert_eq!(greeting.bytes, b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0cpid.key.Z\0\0\0\x05I");
    }

    #[test]
    fn a_server_is_taken_for_what_it_reports() {
        use TargetSessionAttrs::{Any, ReadOnly, ReadWrite};
        let reports: [(&[u8], ServerRole, bool); 4] = [
            (b"in_hot_standby\0on\0", ServerRole::Standby, true),
            (b"default_transaction_read_only\0on\0", ServerRole::Primary, true),
            (b"in_hot_standby\0off\0", ServerRole::Primary, false),
            (b"server_version\0on\0", ServerRole::Primary, false),
        ];
        for (report, role, is_read_only) in reports {
            let mut greeting = Greeting::default();
            greeting.add(&message(b'S', report));
            assert_eq!(greeting.role(), role, "{report:?}");
            assert!(greeting.fits(Any));
            assert_eq!(greeting.fits(ReadOnly), is_read_only, "{report:?}");
            assert_eq!(greeting.fits(ReadWrite), !is_read_only, "{report:?}");
        }
    }

    #[test]
    fn a_secret_is_found_in_a_notice() {
        assert!(is_within(b"eyJ0", b"MWARNING: eyJ0 is odd\0"));
        assert!(!is_within(b"eyJ0", b"MWARNING: eyJ is odd\0"));
        assert!(!is_within(b"", b"M\0"));
    }
}
