use std::time::SystemTime;

use super::*;
use RejectionReason::*;

/// What the answer means; `None` stands for "come back later".
fn reason(sqlstate: &str, message: &str) -> Option<RejectionReason> {
    match read(sqlstate, message) {
        Meaning::Refused(reason) => Some(reason),
        Meaning::Busy(hint) => {
            assert!(hint.contains("try again later"), "{hint}");
            None
        }
    }
}

#[test]
fn the_published_texts_of_entra_logins_are_known() {
    let mismatch = "Service principal oid mismatch for role \"The oid in the security label \
                    [11111111-1111-1111-1111-111111111111] does not match the appid \
                    [22222222-2222-2222-2222-222222222222] or oid \
                    [33333333-3333-3333-3333-333333333333] in the token.\"";
    let cases = [
        ("The access token has expired. Acquire a new token and try again.", TokenExpired),
        ("The access token has expired. Please acquire a new token and retry.", TokenExpired),
        (
            "The access token does not have a valid audience claim. Please acquire a new token for the \
             resource \"https://ossrdbms-aad.database.windows.net\".",
            WrongAudience,
        ),
        ("The access token has invalid format. Please ensure ...", MalformedToken),
        (
            "The access token doesn't have a valid oid claim. Acquire a new token and try again.",
            UnsuitableToken,
        ),
        ("The access token does not have a valid oid claim.", UnsuitableToken),
        (
            "An error occurred while validating the access token. Please acquire a new token and retry",
            TokenNotValidated,
        ),
        (
            "An error occurred while validating the access token. Acquire a new token and try again.",
            TokenNotValidated,
        ),
        (mismatch, PrincipalMismatch),
        ("Managed identity oid mismatch for role \"aad_app\"", PrincipalMismatch),
        (
            "Azure AD user token for role[admin] is neither an AAD_AUTH_TOKENTYPE_APP_USER or an \
             AAD_AUTH_TOKENTYPE_APP_OBO token.",
            PrincipalTypeMismatch,
        ),
        (
            "Microsoft Entra user token for role \"admin\" is neither an AAD_AUTH_TOKENTYPE_APP_USER or \
             an AAD_AUTH_TOKENTYPE_APP_OBO token.",
            PrincipalTypeMismatch,
        ),
        (
            "Service Principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role[x]",
            PrincipalTypeMismatch,
        ),
        (
            "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \"x\".",
            PrincipalTypeMismatch,
        ),
        ("something new", Other),
        ("The access token is of the wrong colour.", Other),
    ];
    for (message, expected) in cases {
        assert_eq!(reason("28000", message), Some(expected), "{message}");
    }
}

#[test]
fn the_texts_of_postgresql_are_known() {
    let cases = [
        (
            "28000",
            "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", no encryption",
            NotAdmitted,
        ),
        (
            "28000",
            "no pg_hba.conf entry for replication connection from host \"192.0.2.1\"",
            NotAdmitted,
        ),
        (
            "28000",
            "pg_hba.conf rejects connection for host \"10.0.0.4\", user \"u\", database \"d\", SSL encryption",
            NotAdmitted,
        ),
        ("28000", "pg_hba.conf rejects replication connection for host \"10.0.0.4\"", NotAdmitted),
        ("28000", "role \"nobody\" does not exist", RoleMissing),
        ("28000", "role \"aad_app\" is not permitted to log in", LoginForbidden),
        ("28000", "connection requires a valid client certificate", ClientCertificate),
        ("28000", "Ident authentication failed for user \"x\"", AuthenticationFailed),
        ("28000", "Peer authentication failed for user \"x\"", AuthenticationFailed),
        ("28P01", "password authentication failed for user \"x\"", AuthenticationFailed),
        (
            "28P01",
            "FEHLER: Passwort-Authentifizierung für Benutzer »aad_app« fehlgeschlagen",
            AuthenticationFailed,
        ),
        (
            "28P01",
            "authentification par mot de passe échouée pour l'utilisateur « x »",
            AuthenticationFailed,
        ),
        ("28P01", "empty password returned by client", AuthenticationFailed),
        ("3D000", "database \"x\" does not exist", DatabaseMissing),
        ("3D000", "la base de données « x » n'existe pas", DatabaseMissing),
        ("57P04", "terminating because the database was dropped", DatabaseMissing),
        ("42501", "permission denied for database \"x\"", PermissionDenied),
        ("42501", "permiso denegado a la base de datos «x»", PermissionDenied),
        ("42501", "permission denied to set parameter \"x\"", PermissionDenied),
        ("55000", "database \"orders\" is not currently accepting connections", DatabaseClosed),
        ("55000", "cannot connect to invalid database \"orders\"", DatabaseClosed),
        ("55000", "Datenbank »orders« akzeptiert gegenwärtig keine Verbindungen", DatabaseClosed),
        ("42704", "unrecognized configuration parameter \"x\"", SessionParameter),
        ("22023", "invalid value for parameter \"x\": \"y\"", SessionParameter),
        ("XX000", "cannot read pg_class without having selected a database", ServerFault),
        ("XX001", "invalid page in block 7 of relation base/5/1259", ServerFault),
        ("58P01", "could not open file \"global/1260\": No such file or directory", ServerFault),
        ("0A000", "unsupported frontend protocol 3.9", Other),
    ];
    for (sqlstate, message, expected) in cases {
        assert_eq!(reason(sqlstate, message), Some(expected), "{message}");
    }
}

#[test]
fn a_server_that_is_busy_is_known_in_any_language() {
    let cases = [
        ("57P03", "the database system is starting up"),
        ("57P03", "the database system is not yet accepting connections"),
        ("57P03", "das Datenbanksystem startet"),
        ("57P01", "terminating connection due to administrator command"),
        ("57P02", "abgebrochen"),
        ("53300", "sorry, too many clients already"),
        ("53300", "too many connections for role \"x\""),
        ("53300", "too many connections for database \"x\""),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute"),
        ("53300", "tut mir leid, schon zu viele Verbindungen"),
        ("53200", "out of memory"),
        ("53200", "Speicher aufgebraucht"),
        ("53100", "could not write init file: No space left on device"),
        ("57014", "canceling authentication due to timeout"),
        ("08006", "connection failure"),
        ("XX000", "could not fork new process for connection: Resource temporarily unavailable"),
    ];
    for (sqlstate, message) in cases {
        assert_eq!(reason(sqlstate, message), None, "{message}");
    }
}

#[test]
fn of_pgbouncer_only_the_text_tells() {
    let cached = |text: &str| {
        format!("server login has been failing, cached error: {text} (server_login_retry)")
    };
    let cases = [
        ("client connections exceeded (max_user_client_connections)".to_owned(), None),
        ("client connections exceeded (max_db_client_connections)".to_owned(), None),
        ("no more connections allowed (max_client_conn)".to_owned(), None),
        ("pooler is shutting down".to_owned(), None),
        ("query_wait_timeout".to_owned(), None),
        ("the database system is starting up".to_owned(), None),
        ("server login has been failing, try again later (server_login_retry)".to_owned(), None),
        (cached("connect failed"), None),
        (cached("the database system is shutting down"), None),
        (cached("sorry, too many clients already"), None),
        (cached("permission denied for database \"orders\""), Some(PermissionDenied)),
        (cached("password authentication failed for user \"x\""), Some(AuthenticationFailed)),
        (cached("role \"x\" does not exist"), Some(RoleMissing)),
        (cached("database \"x\" does not exist"), Some(DatabaseMissing)),
        (cached("role \"x\" is not permitted to log in"), Some(LoginForbidden)),
        (cached("The access token has expired."), Some(TokenExpired)),
        ("no such database: orders".to_owned(), Some(DatabaseMissing)),
        ("no such user: x".to_owned(), Some(RoleMissing)),
        ("no such user".to_owned(), Some(RoleMissing)),
        ("unsupported startup parameter: options".to_owned(), Some(SessionParameter)),
        ("unsupported startup parameter in options: geqo".to_owned(), Some(SessionParameter)),
        ("permission denied for database \"orders\"".to_owned(), Some(PermissionDenied)),
        ("password authentication failed".to_owned(), Some(AuthenticationFailed)),
        ("SASL authentication failed".to_owned(), Some(AuthenticationFailed)),
        ("auth failed".to_owned(), Some(AuthenticationFailed)),
        ("client sent partial pkt in startup phase".to_owned(), Some(TokenTooLong)),
        ("bouncer config error".to_owned(), Some(Other)),
    ];
    for (message, expected) in cases {
        assert_eq!(reason("08P01", &message), expected, "{message}");
    }
}

#[test]
fn only_what_a_newer_token_may_mend_asks_for_one() {
    let mendable = [TokenExpired, TokenNotValidated, AuthenticationFailed];
    for reason in [
        TokenExpired,
        WrongAudience,
        MalformedToken,
        TokenNotValidated,
        UnsuitableToken,
        PrincipalMismatch,
        PrincipalTypeMismatch,
        NotAdmitted,
        RoleMissing,
        AuthenticationFailed,
        DatabaseMissing,
        PermissionDenied,
        ServerFault,
        Other,
    ] {
        assert_eq!(reason.may_pass_with_new_token(), mendable.contains(&reason), "{reason:?}");
    }
}

#[test]
fn the_ids_of_a_mismatch_are_in_the_hint() {
    let message = "Service principal oid mismatch for role \"The oid in the security label [A] does not \
                   match the appid [B] or oid [C] in the token.\"";
    let rejection = Rejection::new("28000", message, "aad_\"app");
    let hint = rejection.hint();
    for part in [
        "object id A",
        "this identity is C",
        "application B",
        "ROLE \"aad_\"\"app\" IS 'aadauth,oid=C,type=service'",
    ] {
        assert!(hint.contains(part), "{part}: {hint}");
    }
    let rejection = Rejection::new("28000", "oid mismatch", "aad_app");
    assert!(rejection.hint().contains("oid=<object id>"), "{rejection}");
}

#[test]
fn what_may_not_log_in_is_let_in_by_name() {
    let rejection = Rejection::new("28000", "role \"x\" is not permitted to log in", "x");
    assert!(rejection.hint().contains("ALTER ROLE \"x\" LOGIN"), "{rejection}");
}

#[test]
fn a_refused_password_is_not_blamed_on_the_principal() {
    for message in ["password authentication failed for user \"x\"", "role \"x\" does not exist"] {
        let with_token = Rejection::new("28P01", message, "x");
        assert!(with_token.hint().contains("pgaadauth_list_principals"), "{with_token}");
        let with_password = with_token.by_password();
        assert!(with_password.hint().contains("user and password"), "{with_password}");
    }
    let outside = Rejection::new("28000", "no pg_hba.conf entry for host", "x");
    assert_eq!(outside.clone().by_password().hint(), outside.hint());
}

#[test]
fn a_long_token_may_have_been_cut_off_by_pgbouncer() {
    let token = |length| AccessToken::new("x".repeat(length), SystemTime::UNIX_EPOCH).unwrap();
    let hint = |sqlstate, length| {
        let rejection = Rejection::new(sqlstate, "password authentication failed", "x");
        rejection.with_token(&token(length)).hint().to_owned()
    };
    assert!(hint("08P01", 2001).contains("cut off the token, which has 2001 bytes"));
    assert!(!hint("08P01", 1500).contains("cut off"));
    assert!(!hint("28P01", 2001).contains("cut off"));
}
