//! The texts of Entra logins, PostgreSQL and poolers, each with what it means.

use super::*;

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

/// Azure words them differently between releases. Beside what has been reported stand variants in what has
/// differed so far: the full stop, "doesn't", brackets for quotes, the clouds.
#[test]
fn the_texts_of_entra_logins_are_known() {
    let mismatch = "Service principal oid mismatch for role \"The oid in the security label \
                    [11111111-1111-1111-1111-111111111111] does not match the appid \
                    [22222222-2222-2222-2222-222222222222] or oid \
                    [33333333-3333-3333-3333-333333333333] in the token.\"";
    let cases: [(RejectionReason, &[&str]); 9] = [
        (
            TokenExpired,
            &[
                "The access token has expired. Acquire a new token and try again.",
                "The access token has expired. Please acquire a new token and retry.",
                "The access token has expired. Please acquire a new token and retry",
                "The access token has expired.",
                "The access token has expired",
                "Access token has expired.",
            ],
        ),
        (
            WrongAudience,
            &[
                "The access token does not have a valid audience claim. Please acquire a new token for \
                 the resource \"https://ossrdbms-aad.database.windows.net\".",
                "The access token does not have a valid audience claim. Please acquire a new token for \
                 the resource \"https://ossrdbms-aad.database.usgovcloudapi.net\".",
                "The access token does not have a valid audience claim. Please acquire a new token for \
                 the resource \"https://ossrdbms-aad.database.chinacloudapi.cn\".",
                "The access token does not have a valid audience claim. Please acquire a new token for \
                 the resource \"https://token.postgres.cosmos.azure.com\".",
                "The access token doesn't have a valid audience claim. Acquire a new token and try again.",
                "The access token does not have a valid audience claim.",
            ],
        ),
        (
            MalformedToken,
            &[
                "The access token has invalid format. Please ensure the token is passed exactly as \
                 returned by the authentication endpoint and retry.",
                "The access token has invalid format. Please ensure the token is passed exactly as \
                 returned by the authentication endpoint and retry",
                "The access token has invalid format. Acquire a new token and try again.",
                "The access token has invalid format.",
                "The access token has invalid format",
                "the access token has invalid format",
            ],
        ),
        (
            UnsuitableToken,
            &[
                "The access token doesn't have a valid oid claim. Acquire a new token and try again.",
                "The access token doesn't have a valid oid claim. Acquire a new token and try again",
                "The access token does not have a valid oid claim. Please acquire a new token and retry.",
                "The access token does not have a valid oid claim.",
                "The access token doesn't have a valid oid claim",
                "Access token does not have a valid oid claim.",
            ],
        ),
        (
            TokenNotValidated,
            &[
                "An error occurred while validating the access token. Please acquire a new token and retry",
                "An error occurred while validating the access token. Please acquire a new token and retry.",
                "An error occurred while validating the access token. Acquire a new token and try again.",
                "An error occurred while validating the access token. Acquire a new token and try again",
                "An error occurred while validating the access token.",
                "An error occurred while validating the access token",
            ],
        ),
        (
            PrincipalMismatch,
            &[
                mismatch,
                "Service Principal oid mismatch for role [todo-api]",
                "Service principal oid mismatch for role \"aad_app\"",
                "Service principal oid mismatch for role[aad_app].",
                "Managed identity oid mismatch for role \"aad_app\"",
                "User oid mismatch for role \"me@contoso.com\".",
            ],
        ),
        (
            PrincipalTypeMismatch,
            &[
                "Azure AD user token for role[admin] is neither an AAD_AUTH_TOKENTYPE_APP_USER or an \
                 AAD_AUTH_TOKENTYPE_APP_OBO token.",
                "Azure AD user token for role[AzureAdmin] is neither an AAD_AUTH_TOKENTYPE_APP_USER or \
                 an AAD_AUTH_TOKENTYPE_APP_OBO token.",
                "Microsoft Entra user token for role \"admin@contoso.onmicrosoft.com\" is neither an \
                 AAD_AUTH_TOKENTYPE_APP_USER or an AAD_AUTH_TOKENTYPE_APP_OBO token.",
                "Service Principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role[x]",
                "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \"x\".",
                "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \
                 \"app_role\"",
            ],
        ),
        (ServerFault, &["cannot read pg_class without having selected a database"]),
        (
            Other,
            &[
                "something new",
                "The access token is of the wrong colour.",
                "Could not validate AAD user x because its name is not found in the tenant.",
            ],
        ),
    ];
    for (expected, texts) in cases {
        let sqlstate = if expected == ServerFault { "XX000" } else { "28000" };
        for text in texts {
            assert_eq!(reason(sqlstate, text), Some(expected), "{text}");
            let cached =
                format!("server login has been failing, cached error: {text} (server_login_retry)");
            assert_eq!(reason("08P01", &cached), Some(expected), "{text}");
        }
    }
}

/// Of PostgreSQL 14 to 18: auth.c, crypt.c, hba.c, miscinit.c, postinit.c, guc.c, postgres.c.
#[test]
fn the_texts_of_postgresql_are_known() {
    let cases: [(RejectionReason, &[(&str, &str)]); 10] = [
        (
            NotAdmitted,
            &[
                (
                    "28000",
                    "pg_hba.conf rejects connection for host \"10.0.0.4\", user \"u\", database \"d\", SSL \
                     encryption",
                ),
                (
                    "28000",
                    "pg_hba.conf rejects connection for host \"::1\", user \"u\", database \"d\", SSL on",
                ),
                (
                    "28000",
                    "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", no encryption",
                ),
                (
                    "28000",
                    "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", SSL off",
                ),
                (
                    "28000",
                    "no pg_hba.conf entry for replication connection from host \"192.0.2.1\", user \"u\", \
                     SSL encryption",
                ),
                (
                    "28000",
                    "pg_hba.conf rejects replication connection for host \"10.0.0.4\", user \"u\", no \
                     encryption",
                ),
                ("28000", "authentication failed for user \"u\": host rejected"),
            ],
        ),
        (
            RoleMissing,
            &[
                ("28000", "role \"nobody\" does not exist"),
                ("28000", "role with OID 16384 does not exist"),
            ],
        ),
        (
            LoginForbidden,
            &[
                ("28000", "role \"aad_app\" is not permitted to log in"),
                ("28000", "role \"me@contoso.com\" is not permitted to log in"),
                ("28000", "role \"a \"\"b\" is not permitted to log in"),
                ("28000", "role \"orders-api\" is not permitted to log in"),
                ("28000", "role \"größe\" is not permitted to log in"),
                ("28000", "role \"\" is not permitted to log in"),
            ],
        ),
        (
            ClientCertificate,
            &[
                ("28000", "connection requires a valid client certificate"),
                ("28000", "certificate authentication failed for user \"x\""),
                (
                    "28000",
                    "certificate authentication failed for user \"x\": client certificate contains no \
                     user name",
                ),
            ],
        ),
        (
            AuthenticationFailed,
            &[
                ("28P01", "password authentication failed for user \"x\""),
                ("28P01", "empty password returned by client"),
                (
                    "28P01",
                    "FEHLER: Passwort-Authentifizierung für Benutzer »aad_app« fehlgeschlagen",
                ),
                ("28P01", "authentification par mot de passe échouée pour l'utilisateur « x »"),
                ("28P01", "la autentificación password falló para el usuario «x»"),
                ("28P01", "autenticazione con password fallita per l'utente \"x\""),
                ("28P01", "用户 \"x\" Password 认证失败"),
                ("28P01", "ユーザー\"x\"のパスワード認証に失敗しました"),
                ("28000", "\"trust\" authentication failed for user \"x\""),
                ("28000", "Ident authentication failed for user \"x\""),
                ("28000", "Peer authentication failed for user \"x\""),
                ("28000", "PAM authentication failed for user \"x\""),
                ("28000", "LDAP authentication failed for user \"x\""),
                ("28000", "GSSAPI authentication failed for user \"x\""),
                ("28000", "RADIUS authentication failed for user \"x\""),
                ("28000", "OAuth bearer authentication failed for user \"x\""),
            ],
        ),
        (
            DatabaseMissing,
            &[
                ("3D000", "database \"x\" does not exist"),
                ("3D000", "database 16384 does not exist"),
                ("3D000", "la base de données « x » n'existe pas"),
                ("3D000", "Datenbank »x« existiert nicht"),
                ("3D000", "no existe la base de datos «x»"),
                ("57P04", "terminating because the database was dropped"),
            ],
        ),
        (
            DatabaseClosed,
            &[
                ("55000", "database \"orders\" is not currently accepting connections"),
                ("55000", "database \"template0\" is not currently accepting connections"),
                ("55000", "cannot connect to invalid database \"orders\""),
                ("55000", "Datenbank »orders« akzeptiert gegenwärtig keine Verbindungen"),
                ("55000", "la base de données « orders » n'accepte plus les connexions"),
                ("55000", "la base de datos «orders» no acepta conexiones"),
            ],
        ),
        (
            PermissionDenied,
            &[
                ("42501", "permission denied for database \"x\""),
                ("42501", "permission denied for database x"),
                ("42501", "permiso denegado a la base de datos «x»"),
                ("42501", "keine Berechtigung für Datenbank x"),
                ("42501", "droit refusé pour la base de données x"),
                ("42501", "permission denied to start WAL sender"),
                ("42501", "must be superuser or replication role to start walsender"),
                ("42501", "must be superuser to connect in binary upgrade mode"),
            ],
        ),
        (
            SessionParameter,
            &[
                ("42704", "unrecognized configuration parameter \"x\""),
                ("42602", "invalid configuration parameter name \"x.\""),
                ("42601", "invalid command-line argument for server process: x=1"),
                ("42601", "-c x requires a value"),
                ("22023", "invalid value for parameter \"x\": \"y\""),
                ("22023", "parameter \"enable_seqscan\" requires a Boolean value"),
                ("22023", "-1 ms is outside the valid range for parameter \"x\" (0 ms .. 10 ms)"),
                ("42501", "permission denied to set parameter \"log_statement\""),
                ("42501", "permission denied to set role \"x\""),
                ("42501", "permission denied to set session authorization \"x\""),
                ("55P02", "parameter \"port\" cannot be changed without restarting the server"),
                ("55P02", "parameter \"log_connections\" cannot be set after connection start"),
                ("55P02", "parameter \"wal_level\" cannot be changed now"),
            ],
        ),
        (
            ServerFault,
            &[
                ("XX000", "cannot read pg_class without having selected a database"),
                ("XX000", "cache lookup failed for role 16384"),
                ("XX000", "could not open relation with OID 2964"),
                ("XX001", "invalid page in block 7 of relation base/5/1259"),
                (
                    "XX002",
                    "index \"pg_authid_rolname_index\" contains unexpected zero page at block 0",
                ),
                ("58P01", "could not open file \"global/1260\": No such file or directory"),
                ("58P01", "could not access file \"pgaadauth\": No such file or directory"),
                ("58030", "could not read file \"base/5/1259\": Input/output error"),
            ],
        ),
    ];
    for (expected, texts) in cases {
        for (sqlstate, text) in texts {
            assert_eq!(reason(sqlstate, text), Some(expected), "{text}");
        }
    }
    assert_eq!(reason("0A000", "unsupported frontend protocol 3.9"), Some(Other));
}

#[test]
fn a_server_that_is_busy_is_known_in_any_language() {
    let cases = [
        ("57P03", "the database system is starting up"),
        ("57P03", "the database system is shutting down"),
        ("57P03", "the database system is in recovery mode"),
        ("57P03", "the database system is not accepting connections"),
        ("57P03", "the database system is not yet accepting connections"),
        ("57P03", "das Datenbanksystem startet"),
        ("57P03", "le système de bases de données s'arrête"),
        ("42501", "must be superuser to connect during database shutdown"),
        ("42501", "new replication connections are not allowed during database shutdown"),
        ("57P01", "terminating connection due to administrator command"),
        ("57P01", "terminating connection due to unexpected postmaster exit"),
        ("57P02", "terminating connection because of crash of another server process"),
        ("57P02", "abgebrochen"),
        ("57P05", "terminating connection due to idle-session timeout"),
        ("40001", "terminating connection due to conflict with recovery"),
        ("53300", "sorry, too many clients already"),
        ("53300", "too many connections for role \"x\""),
        ("53300", "too many connections for database \"x\""),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute"),
        (
            "53300",
            "remaining connection slots are reserved for non-replication superuser connections",
        ),
        (
            "53300",
            "remaining connection slots are reserved for roles with privileges of the \
             \"pg_use_reserved_connections\" role",
        ),
        (
            "53300",
            "number of requested standby connections exceeds \"max_wal_senders\" (currently 10)",
        ),
        ("53300", "tut mir leid, schon zu viele Verbindungen"),
        ("53300", "désolé, trop de clients sont déjà connectés"),
        ("53200", "out of memory"),
        ("53200", "out of shared memory"),
        ("53200", "Speicher aufgebraucht"),
        ("53200", "mémoire épuisée"),
        ("53200", "memoria agotada"),
        ("53000", "insufficient resources"),
        ("53100", "could not write init file: No space left on device"),
        ("53100", "could not extend file \"base/5/1259\": No space left on device"),
        ("57014", "canceling authentication due to timeout"),
        ("57014", "canceling statement due to statement timeout"),
        ("08006", "connection failure"),
        ("XX000", "could not fork new process for connection: Resource temporarily unavailable"),
    ];
    for (sqlstate, message) in cases {
        assert_eq!(reason(sqlstate, message), None, "{message}");
    }
}

/// What a pooler says itself. The first is the SQLSTATE of PgBouncer up to 1.18; later ones state that
/// of the server, where it was the server that spoke.
#[test]
fn of_a_pooler_only_the_text_tells() {
    let cases: [(Option<RejectionReason>, &[&str]); 10] = [
        (
            None,
            &[
                "client connections exceeded (max_user_client_connections)",
                "client connections exceeded (max_db_client_connections)",
                "no more connections allowed (max_client_conn)",
                "bouncer resources exhaustion",
                "no memory for pool",
                "no memory for authentication pool",
                "pooler is shutting down",
                "database shutdown",
                "query_wait_timeout",
                "client_login_timeout",
                "client_login_timeout (server down)",
                "pgbouncer cannot connect to server",
                "server conn crashed?",
                "server DNS lookup failed",
                "server connection closed",
                "could not get connection from the pool - AllServersDown",
                "server login has been failing, try again later (server_login_retry)",
            ],
        ),
        (
            Some(DatabaseMissing),
            &[
                "no such database: orders",
                "no such database: ",
                "no such database: größe",
                "database \"orders\" does not exist",
                "No pool configured for database: \"orders\", user: \"x\"",
                "No pool configured for database: orders, user: x",
            ],
        ),
        (
            Some(DatabaseClosed),
            &[
                "database \"orders\" is disabled",
                "authentication database \"orders\" is disabled",
                "database \"orders\" is not currently accepting connections",
            ],
        ),
        (Some(RoleMissing), &["no such user", "no such user: x", "role \"x\" does not exist"]),
        (
            Some(SessionParameter),
            &[
                "unsupported startup parameter: options",
                "unsupported startup parameter: extra_float_digits",
                "unsupported startup parameter: statement_timeout",
                "unsupported startup parameter: options=-c search_path=x",
                "unsupported startup parameter in options: geqo",
                "unsupported startup parameter in options: search_path",
                "unsupported options startup parameter: only '-c config=val' and '--config=val' are \
                 allowed",
                "unsupported options startup parameter: parameter too long",
                "invalid value for parameter \"replication\": \"x\"",
            ],
        ),
        (
            Some(AuthenticationFailed),
            &[
                "password authentication failed",
                "password authentication failed for user \"x\"",
                "SASL authentication failed",
                "PAM authentication failed",
                "LDAP authentication failed",
                "\"trust\" authentication failed",
                "auth failed",
            ],
        ),
        (Some(ClientCertificate), &["certificate authentication failed"]),
        (Some(NotAdmitted), &["login rejected", "SSL required"]),
        (Some(TokenTooLong), &["client sent partial pkt in startup phase", "password too long"]),
        (Some(ServerFault), &["bouncer config error", "server login failed: wrong password type"]),
    ];
    for (expected, texts) in cases {
        for text in texts {
            assert_eq!(reason("08P01", text), expected, "{text}");
        }
    }
    assert_eq!(reason("08P01", "not allowed"), Some(PermissionDenied));
    assert_eq!(reason("08P01", "something new"), Some(Other));
    assert_eq!(reason("08P01", "invalid length of startup packet"), Some(Other));
}

/// PgBouncer up to 1.18 hands on the server's words with its own SQLSTATE, and repeats the last ones
/// while it waits before it asks the server again.
#[test]
fn the_servers_words_are_known_through_pgbouncer() {
    let cases = [
        ("the database system is starting up", None),
        ("the database system is shutting down", None),
        ("the database system is in recovery mode", None),
        ("the database system is not yet accepting connections", None),
        ("sorry, too many clients already", None),
        ("remaining connection slots are reserved for non-replication superuser connections", None),
        ("too many connections for role \"x\"", None),
        ("terminating connection due to administrator command", None),
        ("connect failed", None),
        ("connect timeout", None),
        ("server DNS lookup failed", None),
        ("permission denied for database \"orders\"", Some(PermissionDenied)),
        ("permission denied for database orders", Some(PermissionDenied)),
        ("password authentication failed for user \"x\"", Some(AuthenticationFailed)),
        ("role \"x\" does not exist", Some(RoleMissing)),
        ("database \"x\" does not exist", Some(DatabaseMissing)),
        ("database \"x\" is not currently accepting connections", Some(DatabaseClosed)),
        ("role \"x\" is not permitted to log in", Some(LoginForbidden)),
        (
            "no pg_hba.conf entry for host \"10.0.0.4\", user \"x\", database \"d\"",
            Some(NotAdmitted),
        ),
        ("unrecognized configuration parameter \"x\"", Some(SessionParameter)),
    ];
    for (text, expected) in cases {
        assert_eq!(reason("08P01", text), expected, "{text}");
        let cached =
            format!("server login has been failing, cached error: {text} (server_login_retry)");
        assert_eq!(reason("08P01", &cached), expected, "{cached}");
    }
}
