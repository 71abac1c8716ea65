/// Why the server refused, read from its text and its SQLSTATE.
///
/// Azure words its messages differently between releases, so only the stable parts are matched. Of a
/// text that is not known the SQLSTATE decides, in any language, where it stands for one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionReason {
    /// The access token has expired.
    TokenExpired,
    /// The token was issued for another service.
    WrongAudience,
    /// The server could not read the token.
    MalformedToken,
    /// The server could not validate the token: it may not reach Microsoft Entra ID.
    TokenNotValidated,
    /// The token is of a kind that Entra logins don't take.
    UnsuitableToken,
    /// The role is mapped to another principal than the token's, such as one that was deleted and made
    /// anew.
    PrincipalMismatch,
    /// The role is mapped to another kind of principal than the token's.
    PrincipalTypeMismatch,
    /// No rule of the server's firewall or `pg_hba.conf` admits this login.
    NotAdmitted,
    /// The server's `pg_hba.conf` asks for a client certificate.
    ClientCertificate,
    /// The role does not exist.
    RoleMissing,
    /// The role may not log in at all.
    LoginForbidden,
    /// Name and credential don't belong together, as far as the server says.
    AuthenticationFailed,
    /// The database does not exist.
    DatabaseMissing,
    /// The database takes no connections.
    DatabaseClosed,
    /// The role may not connect to this database.
    PermissionDenied,
    /// The server, or PgBouncer, doesn't take one of the session's parameters.
    SessionParameter,
    /// PgBouncer's buffer is smaller than the token (tokens of people in many groups).
    TokenTooLong,
    /// Something is wrong on the server's side.
    ServerFault,
    /// Anything else.
    Other,
}

impl RejectionReason {
    /// Whether a newly fetched token could be accepted where this one was not.
    pub(crate) fn may_pass_with_new_token(self) -> bool {
        matches!(self, Self::TokenExpired | Self::TokenNotValidated | Self::AuthenticationFailed)
    }

    pub(super) fn hint(self, message: &str, user: &str) -> String {
        match self {
            Self::PrincipalMismatch => principal_mismatch(message, user),
            Self::LoginForbidden => format!(
                "an administrator lets the role log in with: ALTER ROLE {} LOGIN",
                quoted(user)
            ),
            Self::NotAdmitted if is_about_encryption(message) => {
                "the server takes encrypted connections alone: write sslmode=require or verify-full"
                    .to_owned()
            }
            Self::PermissionDenied if message == "not allowed" => {
                "this database is PgBouncer's console, for those whom its admin_users and stats_users \
                 name: check the database name in the connection settings"
                    .to_owned()
            }
            Self::PermissionDenied => format!(
                "an administrator lets the role in with: GRANT CONNECT ON DATABASE .. TO {}",
                quoted(user)
            ),
            Self::DatabaseClosed if message.starts_with("cannot connect to invalid database") => {
                "the database was left half dropped: drop it (DROP DATABASE) and make it anew".to_owned()
            }
            Self::ServerFault if message.contains("pg_class") => {
                "a fault on the server's side that Entra logins have met after an upgrade to PostgreSQL \
                 18: restart the server, and ask Azure support if it stays"
                    .to_owned()
            }
            reason => reason.general_hint().to_owned(),
        }
    }

    fn general_hint(self) -> &'static str {
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
            Self::TokenNotValidated => {
                "check the server's own way to Microsoft Entra ID (its outbound rules and DNS), and that \
                 the role was created in this server's tenant"
            }
            Self::UnsuitableToken => {
                "log in as a managed identity, an application or a user of the server's tenant; other \
                 kinds of token are not taken"
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
            Self::ClientCertificate => {
                "check that the host is the Azure server: Azure asks for no client certificate, and this \
                 crate has none to show"
            }
            Self::RoleMissing | Self::AuthenticationFailed => {
                "check that the role exists with exactly this name and is mapped to the object id of \
                 this identity (SELECT * FROM pgaadauth_list_principals(false) as an Entra administrator)"
            }
            Self::DatabaseMissing => "check the database name in the connection settings",
            Self::DatabaseClosed => {
                "check the database name; an administrator opens a database with: ALTER DATABASE .. \
                 ALLOW_CONNECTIONS true, and with ENABLE in PgBouncer's console"
            }
            Self::SessionParameter => {
                "leave it out of `options` (or PGOPTIONS) in the connection settings, or correct it; \
                 PgBouncer passes over what it is told to: ignore_startup_parameters = \
                 extra_float_digits, options"
            }
            Self::TokenTooLong => {
                "connect to the server itself (port 5432) instead of to PgBouncer"
            }
            Self::ServerFault => {
                "look into the log of the server or of PgBouncer, and ask Azure support if this stays"
            }
            Self::PrincipalMismatch
            | Self::LoginForbidden
            | Self::PermissionDenied
            | Self::Other => {
                "look up the server's text and its SQLSTATE; the server's log may say more"
            }
        }
    }
}

/// Whether all that is missing is TLS: PostgreSQL since 14 and before it, and PgBouncer.
fn is_about_encryption(message: &str) -> bool {
    message.ends_with(", no encryption")
        || message.ends_with(", SSL off")
        || message == "SSL required"
}

/// The ids that Azure's text holds, in its order: the role's, and the application's and the principal's
/// in the token.
fn principal_mismatch(message: &str, user: &str) -> String {
    let ids: Vec<&str> = message
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']').map(|(id, _)| id))
        .collect();
    let remedy = "an Entra administrator of the server maps it to this identity with: SECURITY LABEL FOR \
                  \"pgaadauth\" ON ROLE";
    let (role, text) = (quoted(user), "'aadauth,oid=");
    match ids[..] {
        [label, application, object] => format!(
            "the role is mapped to the object id {label}, and this identity is {object} (application \
             {application}), as happens when an identity is deleted and made anew; {remedy} {role} IS \
             {text}{object},type=service'"
        ),
        _ => format!(
            "the role is mapped to another identity, as happens when one is deleted and made anew; \
             {remedy} {role} IS {text}<object id>,type=service'"
        ),
    }
}

/// A name as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
