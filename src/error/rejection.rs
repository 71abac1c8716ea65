use super::text::write_as_problem_and_hint;

/// The server's refusal of a login.
///
/// Keeps the server's own text, as far as it may be shown, and SQLSTATE, and adds what to do. `Display`
/// reads `<problem>; <hint>`.
#[derive(Clone)]
pub struct Rejection {
    sqlstate: String,
    message: String,
    user: String,
    by_password: bool,
    /// What to do, if that is better known than from the reason alone.
    advice: Option<String>,
    reason: RejectionReason,
}

/// Why the server refused, read from its message.
///
/// Azure words its messages differently between releases, so only the stable parts are matched, and
/// a text that is not known is [`Other`](RejectionReason::Other).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionReason {
    /// The access token has expired.
    TokenExpired,
    /// The token was issued for another service.
    WrongAudience,
    /// The server could not read the token.
    MalformedToken,
    /// The role is mapped to another kind of principal than the token's.
    PrincipalTypeMismatch,
    /// No rule of the server's firewall or `pg_hba.conf` admits this login.
    NotAdmitted,
    /// The role does not exist.
    RoleMissing,
    /// Name and credential don't belong together, as far as the server says.
    AuthenticationFailed,
    /// The database does not exist.
    DatabaseMissing,
    /// The role may not connect to this database.
    PermissionDenied,
    /// PgBouncer's buffer is smaller than the token (tokens of people in many groups).
    TokenTooLong,
    /// Anything else.
    Other,
}

impl Rejection {
    pub(crate) fn new(
        sqlstate: impl Into<String>,
        message: impl Into<String>,
        user: impl Into<String>,
    ) -> Self {
        let (sqlstate, message) = (sqlstate.into(), message.into());
        let reason = RejectionReason::of(&sqlstate, &message);
        Self { sqlstate, message, user: user.into(), by_password: false, advice: None, reason }
    }

    /// The same for a login with the role's own password: no principal has to do with it.
    #[must_use]
    pub(crate) fn by_password(self) -> Self {
        Self { by_password: true, ..self }
    }

    /// The same with a hint of its own.
    #[must_use]
    pub(crate) fn with_advice(self, advice: Option<String>) -> Self {
        Self { advice, ..self }
    }

    /// The five-character SQLSTATE.
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

    /// Why, as far as the text says.
    pub fn reason(&self) -> RejectionReason {
        self.reason
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        if let Some(advice) = &self.advice {
            return advice;
        }
        match self.reason {
            RejectionReason::AuthenticationFailed | RejectionReason::RoleMissing
                if self.by_password =>
            {
                "check user and password in the connection settings"
            }
            reason => reason.hint(),
        }
    }

    pub(crate) fn problem(&self) -> String {
        let Self { user, message, sqlstate, .. } = self;
        format!("the server refused the login of \"{user}\": {message} (SQLSTATE {sqlstate})")
    }
}

write_as_problem_and_hint!(Rejection);

impl std::error::Error for Rejection {}

impl RejectionReason {
    fn of(sqlstate: &str, message: &str) -> Self {
        match sqlstate {
            "3D000" => Self::DatabaseMissing,
            "42501" => Self::PermissionDenied,
            _ => Self::of_message(&message.to_ascii_lowercase()),
        }
    }

    fn of_message(message: &str) -> Self {
        let known = [
            ("access token has expired", Self::TokenExpired),
            ("valid audience claim", Self::WrongAudience),
            ("access token has invalid format", Self::MalformedToken),
            ("aad_auth_tokentype", Self::PrincipalTypeMismatch),
            ("no pg_hba.conf entry", Self::NotAdmitted),
            ("password authentication failed", Self::AuthenticationFailed),
            ("service principal oid mismatch", Self::AuthenticationFailed),
            ("client sent partial pkt in startup phase", Self::TokenTooLong),
        ];
        // PgBouncer repeats the server's last answer.
        let message = message
            .split_once("cached error: ")
            .map_or(message, |(_, cached)| cached.trim_end_matches(" (server_login_retry)"));
        if message.ends_with(" does not exist") {
            if message.starts_with("role ") {
                return Self::RoleMissing;
            }
            if message.starts_with("database ") {
                return Self::DatabaseMissing;
            }
        }
        known
            .into_iter()
            .find(|(text, _)| message.contains(text))
            .map_or(Self::Other, |(_, reason)| reason)
    }

    /// Whether a newly fetched token could be accepted where this one was not.
    pub(crate) fn may_pass_with_new_token(self) -> bool {
        matches!(self, Self::TokenExpired | Self::AuthenticationFailed | Self::Other)
    }

    fn hint(self) -> &'static str {
        match self {
            Self::TokenExpired => "check the clock of this machine against the server's",
            Self::WrongAudience => {
                "the token is for another service or cloud; check that the host belongs to the cloud \
                 that the token was requested for"
            }
            Self::MalformedToken => {
                "the server expected a Microsoft Entra token; if this role has a password, set it in \
                 the connection settings"
            }
            Self::PrincipalTypeMismatch => {
                "the role is mapped to another type of principal: log in as the role of this identity, \
                 or create one with pgaadauth_create_principal_with_oid and type 'service' for managed \
                 identities and applications, 'user' for people"
            }
            Self::NotAdmitted => {
                "allow this client's address in the server's networking settings, and check user and \
                 database name"
            }
            Self::RoleMissing | Self::AuthenticationFailed => {
                "check that the role exists with exactly this name and is mapped to the object id of \
                 this identity (SELECT * FROM pgaadauth_list_principals(false) as an Entra administrator)"
            }
            Self::DatabaseMissing => "check the database name in the connection settings",
            Self::PermissionDenied => {
                "grant the role what it needs, such as GRANT CONNECT ON DATABASE"
            }
            Self::TokenTooLong => {
                "connect to the server itself (port 5432) instead of to PgBouncer"
            }
            Self::Other => "see the server's text",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rejection, RejectionReason};

    #[test]
    fn known_texts_of_both_wordings_are_recognised() {
        use RejectionReason as Reason;
        let cases = [
            (
                "The access token has expired. Acquire a new token and try again.",
                Reason::TokenExpired,
            ),
            (
                "The access token has expired. Please acquire a new token and retry.",
                Reason::TokenExpired,
            ),
            (
                "The access token does not have a valid audience claim. Please acquire a new token for \
                 the resource \"https://ossrdbms-aad.database.windows.net\".",
                Reason::WrongAudience,
            ),
            ("The access token has invalid format. Please ensure ...", Reason::MalformedToken),
            (
                "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \"x\".",
                Reason::PrincipalTypeMismatch,
            ),
            (
                "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", no encryption",
                Reason::NotAdmitted,
            ),
            ("password authentication failed for user \"x\"", Reason::AuthenticationFailed),
            ("role \"nobody\" does not exist", Reason::RoleMissing),
            ("client sent partial pkt in startup phase", Reason::TokenTooLong),
            (
                "server login has been failing, cached error: password authentication failed for user \
                 \"x\" (server_login_retry)",
                Reason::AuthenticationFailed,
            ),
            (
                "server login has been failing, cached error: role \"x\" does not exist \
                 (server_login_retry)",
                Reason::RoleMissing,
            ),
            (
                "server login has been failing, cached error: database \"x\" does not exist \
                 (server_login_retry)",
                Reason::DatabaseMissing,
            ),
            ("something new", Reason::Other),
        ];
        for (message, reason) in cases {
            assert_eq!(Rejection::new("28000", message, "u").reason(), reason, "{message}");
        }
    }

    #[test]
    fn a_refused_password_is_not_blamed_on_the_principal() {
        for message in
            ["password authentication failed for user \"x\"", "role \"x\" does not exist"]
        {
            let with_token = Rejection::new("28P01", message, "x");
            assert!(with_token.hint().contains("pgaadauth_list_principals"), "{with_token}");
            let with_password = with_token.by_password();
            assert!(with_password.hint().contains("user and password"), "{with_password}");
        }
        let outside = Rejection::new("28000", "no pg_hba.conf entry for host", "x");
        assert_eq!(outside.clone().by_password().hint(), outside.hint());
    }
}
