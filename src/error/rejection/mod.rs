//! The server's refusal of a login.

mod reading;
mod reason;

pub(crate) use reading::{Meaning, read};
pub use reason::RejectionReason;

use super::text::write_as_problem_and_hint;
use crate::token::AccessToken;

/// A token of this length in bytes may have been cut off by PgBouncer, whose buffer for passwords holds
/// 2,047 ([source](https://github.com/pgbouncer/pgbouncer/blob/master/include/bouncer.h)).
const LONG_TOKEN: usize = 2000;

/// The server's refusal of a login.
///
/// Keeps the server's own text, as far as it may be shown, and SQLSTATE, and adds what to do. `Display`
/// reads `<problem>; <hint>`.
#[derive(Clone)]
pub struct Rejection {
    sqlstate: String,
    message: String,
    user: String,
    reason: RejectionReason,
    hint: String,
}

impl Rejection {
    /// The text is an excerpt of the server's.
    pub(crate) fn new(
        sqlstate: impl Into<String>,
        message: impl Into<String>,
        user: impl Into<String>,
    ) -> Self {
        let (sqlstate, message, user) = (sqlstate.into(), message.into(), user.into());
        let reason = match read(&sqlstate, &message) {
            Meaning::Refused(reason) => reason,
            Meaning::Busy(_) => RejectionReason::Other,
        };
        let hint = reason.hint(&message, &user);
        Self { sqlstate, message, user, reason, hint }
    }

    /// The same for a login with the role's own password: no principal has to do with it.
    #[must_use]
    pub(crate) fn by_password(mut self) -> Self {
        use RejectionReason::{AuthenticationFailed, RoleMissing};
        if matches!(self.reason, AuthenticationFailed | RoleMissing) {
            self.hint = "check user and password in the connection settings".to_owned();
        }
        self
    }

    /// The same for a login with this token.
    #[must_use]
    pub(crate) fn with_token(mut self, token: &AccessToken) -> Self {
        if !reading::is_poolers_own_refusal(&self.message) {
            return self;
        }
        let length = token.secret().len();
        let refusal = if length > LONG_TOKEN {
            format!("PgBouncer may have cut off the token, which has {length} bytes")
        } else {
            "PgBouncer refuses the login itself, and one of your own takes no tokens".to_owned()
        };
        self.hint =
            format!("{refusal}: connect to the server itself (port 5432); else {}", self.hint);
        self
    }

    /// The same with a hint of its own, if there is one.
    #[must_use]
    pub(crate) fn with_advice(mut self, advice: Option<String>) -> Self {
        if let Some(advice) = advice {
            self.hint = advice;
        }
        self
    }

    /// The same where the identity service had no other token to try.
    #[must_use]
    pub(crate) fn with_same_token(mut self, source: &str) -> Self {
        self.hint = format!(
            "{}; {source} handed out the same token again, as managed identities do for up to 24 hours: \
             an identity that was made anew, or a group that it has joined, shows only in the next one",
            self.hint
        );
        self
    }

    /// The five-character SQLSTATE. Empty if the driver tells none (libpq), and the text is not a known one.
    pub fn sqlstate(&self) -> &str {
        &self.sqlstate
    }

    /// The server's own text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The role that tried to log in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Why, as far as text and SQLSTATE say.
    pub fn reason(&self) -> RejectionReason {
        self.reason
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    pub(crate) fn problem(&self) -> String {
        let Self { user, message, sqlstate, .. } = self;
        let problem = format!("the server refused the login of \"{user}\": {message}");
        match sqlstate.as_str() {
            "" => problem,
            known => format!("{problem} (SQLSTATE {known})"),
        }
    }
}

write_as_problem_and_hint!(Rejection);

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests;
