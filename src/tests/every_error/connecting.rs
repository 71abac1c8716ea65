//! What servers refuse, and what lies between them and a client.

use std::{io, net::Ipv4Addr, time::Duration};

use futures_util::FutureExt;

use crate::{
    AccessToken, Connector, Error, Identity, Settings, Stage,
    error::{ConnectError, Meaning, Rejection, ServerAnswer, TlsError, TlsErrorKind, read_answer},
    settings::Host,
};

const HOST: &str = "contoso.postgres.database.azure.com";

/// Each known text with its SQLSTATE, as servers and poolers write it.
const ANSWERS: &[(&str, &str)] = &[
    ("28P01", "The access token has expired. Acquire a new token and retry."),
    (
        "28P01",
        "Azure AD access token not for this Azure Database for PostgreSQL server: valid audience claim",
    ),
    ("28P01", "The access token has invalid format. Acquire a new token and retry."),
    (
        "28000",
        "Service principal oid mismatch for role \"The oid in the security label \
         [11111111-1111-1111-1111-111111111111] does not match the appid \
         [22222222-2222-2222-2222-222222222222] or oid [33333333-3333-3333-3333-333333333333] in the token.\"",
    ),
    ("28000", "oid mismatch"),
    ("28000", "The access token does not contain a valid oid claim."),
    (
        "28000",
        "An error occurred while validating the access token. Acquire a new token and retry.",
    ),
    (
        "28000",
        "Azure AD user token for role[app] is neither an AAD_AUTH_TOKENTYPE_APP_USER or an AAD_AUTH_TOKENTYPE_APP_OBO token.",
    ),
    (
        "28000",
        "no pg_hba.conf entry for host \"10.0.0.1\", user \"app\", database \"d\", no encryption",
    ),
    ("28000", "pg_hba.conf rejects connection for host \"10.0.0.1\", user \"app\", database \"d\""),
    (
        "28000",
        "no pg_hba.conf entry for host \"10.0.0.1\", user \"app\", database \"d\", no encryption",
    ),
    ("58000", "Authentication failed for user \"app\": host rejected"),
    ("08P01", "login rejected"),
    ("08P01", "SSL required"),
    ("28000", "connection requires a valid client certificate"),
    ("28000", "certificate authentication failed for user \"app\""),
    ("28000", "role \"app\" is not permitted to log in"),
    ("28000", "role \"app\" does not exist"),
    ("08P01", "no such user: app"),
    ("3D000", "database \"d\" does not exist"),
    ("08P01", "no such database: d"),
    ("55000", "database \"d\" is not currently accepting connections"),
    ("55000", "cannot connect to invalid database \"d\""),
    ("08P01", "database \"d\" is disabled"),
    ("08P01", "authentication database \"d\" is disabled"),
    ("58000", "No pool configured for database: \"d\", user: \"app\""),
    ("42501", "permission denied for database \"d\""),
    ("08P01", "not allowed"),
    ("42501", "permission denied to set parameter \"session_replication_role\""),
    ("55P02", "parameter \"wal_level\" cannot be changed without restarting the server"),
    ("08P01", "unsupported options startup parameter: only '-c config=val' is allowed"),
    ("08P01", "unsupported startup parameter: options"),
    ("22023", "invalid value for parameter \"TimeZone\": \"nowhere\""),
    ("42704", "unrecognized configuration parameter \"nonsense\""),
    ("08P01", "client sent partial pkt in startup phase"),
    ("08P01", "password too long"),
    ("08P01", "bouncer config error"),
    ("08P01", "server login failed: wrong password type"),
    ("57P03", "must be superuser to connect during database shutdown"),
    ("57P03", "new replication connections are not allowed during database shutdown"),
    ("XX000", "cannot read pg_class without having selected a database"),
    ("57P03", "the database system is starting up"),
    ("57P01", "terminating connection due to administrator command"),
    ("57014", "canceling authentication due to timeout"),
    ("53300", "too many connections for role \"app\""),
    ("53300", "sorry, too many clients already"),
    ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute"),
    ("53300", "number of requested standby connections exceeds \"max_wal_senders\""),
    ("53200", "could not fork new process for connection: Cannot allocate memory"),
    ("53200", "out of memory"),
    ("08P01", "client connections exceeded max_client_conn"),
    ("08P01", "no more connections allowed (max_client_conn)"),
    ("08P01", "query_wait_timeout"),
    ("08P01", "client_login_timeout"),
    ("08P01", "pooler is shutting down"),
    ("08P01", "database shutdown"),
    ("08P01", "connect failed"),
    ("08P01", "connect timeout"),
    ("08P01", "cannot connect"),
    ("08P01", "server conn crashed?"),
    ("08P01", "server connection closed"),
    ("08P01", "bouncer resources exhaustion"),
    ("08P01", "no memory for scram"),
    ("58000", "could not get connection from the pool - AllServersDown"),
    ("08P01", "server DNS lookup failed"),
    ("08P01", "pgbouncer cannot connect to server"),
    ("28P01", "password authentication failed for user \"app\""),
    ("08P01", "auth failed"),
    ("08P01", "server login has been failing, try again later (server_login_retry)"),
    ("XX000", "something that is not known"),
    ("99999", "something that is not known"),
];

pub(super) fn of_servers() -> Vec<Error> {
    let mut errors: Vec<Error> =
        ANSWERS.iter().map(|(state, text)| answered(state, text)).collect();
    let failed = || Rejection::new("08P01", "password authentication failed", "app");
    let token =
        |length| AccessToken::new("t".repeat(length), std::time::SystemTime::now()).unwrap();
    errors.extend([
        failed().by_password().into(),
        Rejection::new("08P01", "auth failed", "app").with_token(&token(9)).into(),
        Rejection::new("08P01", "auth failed", "app").with_token(&token(3000)).into(),
        failed().with_same_token("IMDS").into(),
        failed().with_advice(password_over_identity().password_advice()).into(),
    ]);
    errors
}

fn password_over_identity() -> Settings {
    let vars = [
        ("AZURE_POSTGRESQL_HOST", HOST),
        ("AZURE_POSTGRESQL_CLIENTID", "11111111-2222-3333-4444-555555555555"),
        ("AZURE_POSTGRESQL_PASSWORD", "p"),
    ];
    Settings::from_vars(vars).unwrap()
}

fn answered(state: &str, text: &str) -> Error {
    match read_answer(state, text) {
        Meaning::Refused(_) => Rejection::new(state, text, "app").into(),
        Meaning::Busy(hint) => {
            let answer = ServerAnswer::new(state.to_owned(), text.to_owned(), hint);
            ConnectError::new(HOST, 5432, true, answer).into()
        }
    }
}

pub(super) fn of_connections() -> Vec<Error> {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, PermissionDenied, TimedOut};
    let mut errors: Vec<Error> = [ConnectionRefused, TimedOut, ConnectionReset, PermissionDenied]
        .into_iter()
        .map(|kind| ConnectError::new(HOST, 5432, true, io::Error::from(kind)).into())
        .collect();
    let unknown = io::Error::other("the name has no address");
    let method = io::Error::other("unsupported authentication method `SASL`");
    errors.push(ConnectError::unresolved(HOST, 5432, unknown).into());
    errors.push(ConnectError::new(HOST, 5432, false, method).into());
    let settings = Settings::new(HOST, Identity::Password("p".into())).with_user("app");
    let connector = Connector::builder().settings(settings).build().unwrap();
    let outside = std::thread::spawn(move || connector.connect().now_or_never().unwrap());
    errors.push(outside.join().unwrap().map(drop).unwrap_err());
    let set_up = io::Error::other("prepared statement \"s0\" does not exist");
    errors.push(ConnectError::not_set_up(HOST, 5432, false, set_up).into());
    errors
}

pub(super) fn of_tls() -> Vec<Error> {
    use TlsErrorKind::*;
    let plain =
        [Setup, Certificate, NotOffered, NotPostgres, ClientCertificate, Unavailable, Handshake];
    let said = [
        (Certificate, "hostname mismatch"),
        (Certificate, "certificate has expired"),
        (Handshake, "unsupported protocol"),
    ];
    let mut errors = plain.map(|kind| TlsError::new(kind, Some(HOST), None)).to_vec();
    errors.extend(said.map(|(kind, text)| TlsError::new(kind, Some(HOST), Some(text.into()))));
    errors.push(TlsError::new(Handshake, Some(HOST), None).without_request());
    errors.into_iter().map(Error::from).collect()
}

/// What the file of certificate authorities may be.
pub(super) async fn of_root_certificates() -> Vec<Error> {
    let folder = tempfile::tempdir().unwrap();
    let files =
        [("empty", ""), ("junk", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut errors = Vec::new();
    for name in ["missing", "empty", "junk"] {
        let host = Host::new(HOST, 1).with_address(Ipv4Addr::LOCALHOST.into());
        let settings = Settings::for_hosts(vec![host], Identity::Password("p".into()))
            .with_user("app")
            .with_ssl_root_cert(folder.path().join(name));
        let connector = Connector::builder().settings(settings).build().unwrap();
        errors.push(connector.connect().await.map(drop).unwrap_err());
    }
    errors
}

pub(super) fn of_deadlines() -> Vec<Error> {
    use Stage::*;
    let limit = Duration::from_secs(30);
    let stages = [Token, TlsSetup, Dns, Tcp, Tls, Login, Backoff];
    stages.map(|stage| Error::Timeout { stage, limit, last: None }).into()
}
