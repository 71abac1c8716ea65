//! What a server means that does not let anybody in.

use super::RejectionReason::{self, *};

/// What the answer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// To come back later; with what else can be done.
    Busy(&'static str),
    /// To change something.
    Refused(RejectionReason),
}

use Meaning::{Busy, Refused};

/// PgBouncer has this one for everything, and puts it before the server's words as well
/// ([source](https://github.com/pgbouncer/pgbouncer/blob/master/src/proto.c)).
const POOLER_STATE: &str = "08P01";

const STARTING: &str = "the server is starting, stopping or failing over; try again later";
const SLOW: &str = "the login took longer than the server allows: it may be overloaded, or not reach Microsoft Entra \
                    ID; try again later";
const FULL: &str = "all connections of the server are taken: use smaller pools or PgBouncer, or try again \
                    later";
const OWN_LIMIT: &str = "the role or the database has a limit of its own: use smaller pools, or raise it with \
                         ALTER ROLE .. CONNECTION LIMIT or ALTER DATABASE .. CONNECTION LIMIT, or try again \
                         later";
const EXHAUSTED: &str = "the server is out of memory, disk or processes: try again later, and use fewer \
                         connections or a larger server";
const POOLER: &str = "PgBouncer is full or has lost the server; try again later";

/// Known texts in lower case: `*` stands for anything. The first that fits decides.
///
/// Those of PostgreSQL are from its source (postinit.c, postmaster.c, auth.c, hba.c, proc.c), those of
/// PgBouncer (objects.c, client.c, server.c, janitor.c) and PgCat (client.rs) likewise, and those of Azure
/// from what users report.
const TEXTS: &[(&str, Meaning)] = &[
    ("*access token has expired*", Refused(TokenExpired)),
    ("*valid audience claim*", Refused(WrongAudience)),
    ("*access token has invalid format*", Refused(MalformedToken)),
    ("*oid mismatch*", Refused(PrincipalMismatch)),
    ("*valid oid claim*", Refused(UnsuitableToken)),
    ("*error occurred while validating the access token*", Refused(TokenNotValidated)),
    ("*aad_auth_tokentype*", Refused(PrincipalTypeMismatch)),
    ("no pg_hba.conf entry*", Refused(NotAdmitted)),
    ("pg_hba.conf rejects *", Refused(NotAdmitted)),
    ("authentication failed for user *: host rejected", Refused(NotAdmitted)),
    ("login rejected", Refused(NotAdmitted)),
    ("ssl required", Refused(NotAdmitted)),
    ("*requires a valid client certificate*", Refused(ClientCertificate)),
    ("certificate authentication failed*", Refused(ClientCertificate)),
    ("role * is not permitted to log in", Refused(LoginForbidden)),
    ("role * does not exist", Refused(RoleMissing)),
    ("no such user*", Refused(RoleMissing)),
    ("database * does not exist", Refused(DatabaseMissing)),
    ("no such database*", Refused(DatabaseMissing)),
    ("database * is not currently accepting connections", Refused(DatabaseClosed)),
    ("cannot connect to invalid database *", Refused(DatabaseClosed)),
    ("database * is disabled", Refused(DatabaseClosed)),
    ("authentication database * is disabled", Refused(DatabaseClosed)),
    ("no pool configured for database*", Refused(DatabaseMissing)),
    ("permission denied for database *", Refused(PermissionDenied)),
    ("not allowed", Refused(PermissionDenied)),
    ("permission denied to set *", Refused(SessionParameter)),
    ("parameter * cannot be *", Refused(SessionParameter)),
    ("unsupported startup parameter*", Refused(SessionParameter)),
    ("unsupported options startup parameter*", Refused(SessionParameter)),
    ("invalid value for parameter *", Refused(SessionParameter)),
    ("unrecognized configuration parameter *", Refused(SessionParameter)),
    ("client sent partial pkt in startup phase*", Refused(TokenTooLong)),
    ("password too long", Refused(TokenTooLong)),
    ("cannot read pg_class without having selected a database", Refused(ServerFault)),
    ("bouncer config error", Refused(ServerFault)),
    ("server login failed: wrong password type", Refused(ServerFault)),
    ("the database system is *", Busy(STARTING)),
    ("must be superuser to connect during database shutdown", Busy(STARTING)),
    ("new replication connections are not allowed during database shutdown", Busy(STARTING)),
    ("terminating connection due to *", Busy(STARTING)),
    ("canceling authentication due to timeout", Busy(SLOW)),
    ("too many connections for *", Busy(OWN_LIMIT)),
    ("*too many clients already", Busy(FULL)),
    ("remaining connection slots are reserved *", Busy(FULL)),
    ("number of requested standby connections exceeds *", Busy(FULL)),
    ("could not fork *", Busy(EXHAUSTED)),
    ("out of memory*", Busy(EXHAUSTED)),
    ("client connections exceeded *", Busy(POOLER)),
    ("no more connections allowed*", Busy(POOLER)),
    ("query_wait_timeout*", Busy(POOLER)),
    ("client_login_timeout*", Busy(POOLER)),
    ("pooler is shutting down", Busy(POOLER)),
    ("database shutdown", Busy(POOLER)),
    ("connect failed", Busy(POOLER)),
    ("connect timeout", Busy(POOLER)),
    ("cannot connect", Busy(POOLER)),
    ("server conn crashed?", Busy(POOLER)),
    ("server connection closed", Busy(POOLER)),
    ("bouncer resources exhaustion", Busy(POOLER)),
    ("no memory for *", Busy(POOLER)),
    ("could not get connection from the pool*", Busy(POOLER)),
    ("server dns lookup failed", Busy(POOLER)),
    ("pgbouncer cannot connect to server", Busy(POOLER)),
    ("*authentication failed*", Refused(AuthenticationFailed)),
    ("auth failed", Refused(AuthenticationFailed)),
    ("server login has been failing*", Busy(POOLER)),
];

/// A known text decides, and else the SQLSTATE, in any language
/// ([list](https://www.postgresql.org/docs/current/errcodes-appendix.html)). Azure's 28000 and
/// PgBouncer's 08P01 stand for many things, and so for none.
pub(crate) fn read(sqlstate: &str, message: &str) -> Meaning {
    let message = message.to_ascii_lowercase();
    let message = cached(message.trim());
    let known = TEXTS.iter().find(|(pattern, _)| fits(message, pattern));
    known.map_or_else(|| of_state(sqlstate), |(_, meaning)| *meaning)
}

/// Whether PgBouncer did not like the password, before the server was asked: PostgreSQL names the user
/// ([source](https://github.com/pgbouncer/pgbouncer/blob/master/src/client.c)).
pub(super) fn is_poolers_own_refusal(message: &str) -> bool {
    ["password authentication failed", "SASL authentication failed", "auth failed"]
        .contains(&message)
}

/// The server's last answer, which PgBouncer repeats.
fn cached(message: &str) -> &str {
    let cached = message.split_once("cached error: ");
    cached.map_or(message, |(_, cached)| cached.trim_end_matches(" (server_login_retry)"))
}

fn of_state(sqlstate: &str) -> Meaning {
    match sqlstate {
        "28P01" => Refused(AuthenticationFailed),
        "3D000" | "57P04" => Refused(DatabaseMissing),
        "42501" => Refused(PermissionDenied),
        "22023" | "42601" | "42602" | "42704" | "55P02" => Refused(SessionParameter),
        "55000" => Refused(DatabaseClosed),
        "53300" => Busy(FULL),
        "57014" => Busy(SLOW),
        POOLER_STATE => Refused(Other),
        _ => match sqlstate.get(..2) {
            Some("08") => Busy(STARTING),
            Some("53") => Busy(EXHAUSTED),
            Some("57") if sqlstate.starts_with("57P") => Busy(STARTING),
            Some("58" | "XX") => Refused(ServerFault),
            _ => Refused(Other),
        },
    }
}

/// Whether the text is as the pattern says, in which `*` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*');
    let last = pieces.next_back().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_a_text_from_end_to_end() {
        for (text, pattern) in [
            ("abc", "abc"),
            ("abc", "*"),
            ("abc", "a*"),
            ("abc", "*c"),
            ("abc", "*b*"),
            ("a b c d", "a * d"),
        ] {
            assert!(fits(text, pattern), "{pattern}");
        }
        for (text, pattern) in
            [("abc", "ab"), ("abc", "b*"), ("abc", "*b"), ("abc", "*x*"), ("ab", "ab*b")]
        {
            assert!(!fits(text, pattern), "{pattern}");
        }
    }
}
