//! libpq's connection parameters, and what this crate makes of each
//! ([list](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS)).

/// What a parameter means here.
#[derive(Clone, Copy)]
pub(in crate::config) enum Treatment {
    /// It becomes part of the settings.
    Read,
    /// It has no effect on a connection over TCP and TLS without GSSAPI.
    Ignored,
    /// Only these values, in any case, describe what the crate does; others ask for the impossible.
    Only(&'static [&'static str], &'static str),
    /// It can't be honoured, for this reason.
    Unsupported(&'static str),
}

use Treatment::{Ignored, Only, Read, Unsupported};

const NO_CLIENT_CERTIFICATE: &str = "client certificates are not used";
const NO_SERVICE_FILE: &str = "service files are not read";
const NO_OAUTH: &str = "the OAuth login of libpq is not offered";
const NO_CRL: &str = "certificate revocation lists can't be handed to the TLS library";
const NO_SCRAM_KEY: &str = "precomputed SCRAM keys are not used";

static KEYWORDS: &[(&str, Treatment)] = &[
    ("application_name", Read),
    ("channel_binding", Read),
    ("client_encoding", Only(&["UTF8", "UTF-8", "UNICODE", "auto"], "text is always UTF-8")),
    ("connect_timeout", Read),
    ("dbname", Read),
    ("fallback_application_name", Read),
    ("gssdelegation", Ignored),
    ("gssencmode", Only(&["disable", "prefer"], "connections are encrypted by TLS, not GSSAPI")),
    ("gsslib", Ignored),
    ("host", Read),
    ("hostaddr", Read),
    ("keepalives", Read),
    ("keepalives_count", Read),
    ("keepalives_idle", Read),
    ("keepalives_interval", Read),
    ("krbsrvname", Ignored),
    ("load_balance_hosts", Read),
    ("max_protocol_version", Only(&["3.0", "3.2", "latest"], "the protocol version is 3.0")),
    ("min_protocol_version", Only(&["3.0"], "the protocol version is 3.0")),
    ("oauth_client_id", Unsupported(NO_OAUTH)),
    ("oauth_client_secret", Unsupported(NO_OAUTH)),
    ("oauth_issuer", Unsupported(NO_OAUTH)),
    ("oauth_scope", Unsupported(NO_OAUTH)),
    ("options", Read),
    ("passfile", Unsupported("password files are not read")),
    ("password", Read),
    ("port", Read),
    ("replication", Only(&["false", "off", "no", "0"], "replication connections are not offered")),
    ("require_auth", Read),
    ("requirepeer", Ignored),
    ("scram_client_key", Unsupported(NO_SCRAM_KEY)),
    ("scram_server_key", Unsupported(NO_SCRAM_KEY)),
    ("service", Unsupported(NO_SERVICE_FILE)),
    ("servicefile", Unsupported(NO_SERVICE_FILE)),
    ("ssl_max_protocol_version", Only(&["TLSv1.3"], "the TLS library chooses up to TLS 1.3")),
    (
        "ssl_min_protocol_version",
        Only(&["TLSv1", "TLSv1.1", "TLSv1.2"], "TLS 1.2 is the least that is used"),
    ),
    ("sslcert", Unsupported(NO_CLIENT_CERTIFICATE)),
    ("sslcertmode", Only(&["disable", "allow"], NO_CLIENT_CERTIFICATE)),
    ("sslcompression", Ignored),
    ("sslcrl", Unsupported(NO_CRL)),
    ("sslcrldir", Unsupported(NO_CRL)),
    ("sslkey", Unsupported(NO_CLIENT_CERTIFICATE)),
    ("sslkeylogfile", Unsupported("TLS keys are never written to a file")),
    ("sslmode", Read),
    ("sslnegotiation", Read),
    ("sslpassword", Unsupported(NO_CLIENT_CERTIFICATE)),
    ("sslrootcert", Read),
    ("sslsni", Only(&["1"], "the server's name is always sent in the TLS handshake")),
    ("target_session_attrs", Read),
    ("tcp_user_timeout", Read),
    ("user", Read),
];

/// libpq's spelling of a keyword, if it is one. Keywords are lower case.
pub(in crate::config) fn known(name: &str) -> Option<&'static str> {
    entry(name).map(|(known, _)| *known)
}

/// What a keyword means.
pub(in crate::config) fn treatment(keyword: &str) -> Treatment {
    entry(keyword).map_or(Ignored, |(_, treatment)| *treatment)
}

fn entry(name: &str) -> Option<&'static (&'static str, Treatment)> {
    KEYWORDS.iter().find(|(known, _)| *known == name)
}
