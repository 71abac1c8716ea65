//! The rows: libpq's parameters
//! ([list](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS)) with their
//! variables ([list](https://www.postgresql.org/docs/current/libpq-envars.html)) and the words that
//! Npgsql ([list](https://www.npgsql.org/doc/connection-string-parameters.html)) and pgjdbc
//! ([list](https://jdbc.postgresql.org/documentation/use/#connection-parameters)) have for them.

use super::{
    Keyword,
    Treatment::{self, Ignored, Only, Read, Session, Unsupported, Useless},
};

const NO_CLIENT_CERTIFICATE: &str = "client certificates are not used";
const NO_SERVICE_FILE: &str = "service files are not read";
const NO_OAUTH: &str = "the OAuth login of libpq is not offered";
const NO_CRL: &str = "certificate revocation lists can't be handed to the TLS library";
const NO_SCRAM_KEY: &str = "precomputed SCRAM keys are not used";
const NO_PASSWORD_FILE: &str = "no password is looked for in a file";
const PROTOCOL: &str = "the protocol version is 3.0";

/// A parameter of libpq.
const fn libpq(name: &'static str, treatment: Treatment) -> Keyword {
    Keyword { name, treatment, variable: None, in_strings: true, npgsql: &[], pgjdbc: &[] }
}

/// A parameter that libpq's strings can't state.
const fn beside_libpq(name: &'static str, treatment: Treatment) -> Keyword {
    Keyword { in_strings: false, ..libpq(name, treatment) }
}

impl Keyword {
    const fn variable(self, variable: &'static str) -> Self {
        Self { variable: Some(variable), ..self }
    }

    const fn npgsql(self, npgsql: &'static [&'static str]) -> Self {
        Self { npgsql, ..self }
    }

    const fn pgjdbc(self, pgjdbc: &'static [&'static str]) -> Self {
        Self { pgjdbc, ..self }
    }
}

pub(super) static KEYWORDS: &[Keyword] = &[
    // The variables of the host come first: whether PGHOSTADDR counts depends on it.
    libpq("host", Read).variable("PGHOST").npgsql(&["host", "server"]).pgjdbc(&["PGHOST"]),
    libpq("hostaddr", Read).variable("PGHOSTADDR"),
    libpq("port", Read).variable("PGPORT").npgsql(&["port"]).pgjdbc(&["PGPORT"]),
    libpq("dbname", Read).variable("PGDATABASE").npgsql(&["database", "db"]).pgjdbc(&["PGDBNAME"]),
    libpq("user", Read).variable("PGUSER").npgsql(&["username", "userid", "uid"]).pgjdbc(&["user"]),
    // PGPASSWORD is an identity, and decided upon with the others.
    libpq("password", Read).npgsql(&["password", "psw", "pwd"]).pgjdbc(&["password"]),
    libpq("passfile", Useless(NO_PASSWORD_FILE)).variable("PGPASSFILE").npgsql(&["passfile"]),
    libpq("application_name", Read)
        .variable("PGAPPNAME")
        .npgsql(&["applicationname"])
        .pgjdbc(&["ApplicationName"]),
    libpq("fallback_application_name", Read),
    libpq("options", Read).variable("PGOPTIONS").npgsql(&["options"]).pgjdbc(&["options"]),
    beside_libpq("search_path", Session).npgsql(&["searchpath"]).pgjdbc(&["currentSchema"]),
    beside_libpq("TimeZone", Session).variable("PGTZ").npgsql(&["timezone"]),
    beside_libpq("DateStyle", Session).variable("PGDATESTYLE"),
    beside_libpq("geqo", Session).variable("PGGEQO"),
    libpq("client_encoding", Only(&["UTF8", "UTF-8", "UNICODE", "auto"], "text is always UTF-8"))
        .variable("PGCLIENTENCODING")
        .npgsql(&["clientencoding"]),
    libpq("connect_timeout", Read)
        .variable("PGCONNECT_TIMEOUT")
        .npgsql(&["timeout"])
        .pgjdbc(&["connectTimeout"]),
    libpq("tcp_user_timeout", Read),
    libpq("keepalives", Read).npgsql(&["tcpkeepalive"]).pgjdbc(&["tcpKeepAlive"]),
    libpq("keepalives_idle", Read).npgsql(&["tcpkeepalivetime"]),
    libpq("keepalives_interval", Read).npgsql(&["tcpkeepaliveinterval"]),
    libpq("keepalives_count", Read),
    libpq("target_session_attrs", Read)
        .variable("PGTARGETSESSIONATTRS")
        .npgsql(&["targetsessionattributes"])
        .pgjdbc(&["targetServerType"]),
    libpq("load_balance_hosts", Read)
        .variable("PGLOADBALANCEHOSTS")
        .npgsql(&["loadbalancehosts"])
        .pgjdbc(&["loadBalanceHosts"]),
    beside_libpq("socketFactory", Unsupported("it would decide which server is dialled"))
        .pgjdbc(&["socketFactory"]),
    beside_libpq("readOnly", Only(&["false"], "sessions are not made read-only"))
        .pgjdbc(&["readOnly"]),
    libpq(
        "replication",
        Only(&["false", "off", "no", "0"], "replication connections are not offered"),
    )
    .npgsql(&["replicationmode"])
    .pgjdbc(&["replication"]),
    libpq("service", Unsupported(NO_SERVICE_FILE)).variable("PGSERVICE").pgjdbc(&["service"]),
    libpq("servicefile", Unsupported(NO_SERVICE_FILE)),
    // What is sent to whom.
    libpq("require_auth", Read)
        .variable("PGREQUIREAUTH")
        .npgsql(&["requireauth"])
        .pgjdbc(&["requireAuth"]),
    libpq("channel_binding", Read)
        .variable("PGCHANNELBINDING")
        .npgsql(&["channelbinding"])
        .pgjdbc(&["channelBinding"]),
    libpq("requirepeer", Ignored).variable("PGREQUIREPEER"),
    libpq("scram_client_key", Unsupported(NO_SCRAM_KEY)),
    libpq("scram_server_key", Unsupported(NO_SCRAM_KEY)),
    libpq("oauth_client_id", Unsupported(NO_OAUTH)),
    libpq("oauth_client_secret", Unsupported(NO_OAUTH)),
    libpq("oauth_issuer", Unsupported(NO_OAUTH)),
    libpq("oauth_scope", Unsupported(NO_OAUTH)),
    libpq("min_protocol_version", Only(&["3.0"], PROTOCOL)).variable("PGMINPROTOCOLVERSION"),
    libpq("max_protocol_version", Only(&["3.0", "3.2", "latest"], PROTOCOL))
        .variable("PGMAXPROTOCOLVERSION"),
    // TLS and GSSAPI.
    libpq("sslmode", Read).variable("PGSSLMODE").npgsql(&["sslmode"]).pgjdbc(&["sslmode"]),
    libpq("sslnegotiation", Read)
        .variable("PGSSLNEGOTIATION")
        .npgsql(&["sslnegotiation"])
        .pgjdbc(&["sslNegotiation"]),
    libpq("sslrootcert", Read)
        .variable("PGSSLROOTCERT")
        .npgsql(&["rootcertificate"])
        .pgjdbc(&["sslrootcert"]),
    libpq("sslcert", Unsupported(NO_CLIENT_CERTIFICATE))
        .variable("PGSSLCERT")
        .npgsql(&["sslcertificate", "clientcertificate"])
        .pgjdbc(&["sslcert"]),
    libpq("sslkey", Unsupported(NO_CLIENT_CERTIFICATE))
        .variable("PGSSLKEY")
        .npgsql(&["sslkey", "clientcertificatekey"])
        .pgjdbc(&["sslkey"]),
    libpq("sslpassword", Unsupported(NO_CLIENT_CERTIFICATE))
        .npgsql(&["sslpassword"])
        .pgjdbc(&["sslpassword"]),
    libpq("sslcertmode", Only(&["disable", "allow"], NO_CLIENT_CERTIFICATE))
        .variable("PGSSLCERTMODE"),
    libpq("sslcrl", Unsupported(NO_CRL)).variable("PGSSLCRL"),
    libpq("sslcrldir", Unsupported(NO_CRL)).variable("PGSSLCRLDIR"),
    beside_libpq(
        "Check Certificate Revocation",
        Only(&["false"], "the TLS library does not look for revoked certificates"),
    )
    .npgsql(&["checkcertificaterevocation"]),
    libpq("sslsni", Only(&["1"], "the server's name is always sent in the TLS handshake"))
        .variable("PGSSLSNI"),
    libpq("sslcompression", Ignored).variable("PGSSLCOMPRESSION"),
    libpq("sslkeylogfile", Unsupported("TLS keys are never written to a file")),
    libpq(
        "ssl_min_protocol_version",
        Only(&["TLSv1", "TLSv1.1", "TLSv1.2"], "TLS 1.2 is the least that is used"),
    )
    .variable("PGSSLMINPROTOCOLVERSION"),
    libpq("ssl_max_protocol_version", Only(&["TLSv1.3"], "the TLS library chooses up to TLS 1.3"))
        .variable("PGSSLMAXPROTOCOLVERSION"),
    libpq(
        "gssencmode",
        Only(&["disable", "prefer"], "connections are encrypted by TLS, not GSSAPI"),
    )
    .variable("PGGSSENCMODE")
    .npgsql(&["gssencryptionmode"])
    .pgjdbc(&["gssEncMode"]),
    libpq("gssdelegation", Ignored).variable("PGGSSDELEGATION"),
    libpq("gsslib", Ignored).variable("PGGSSLIB"),
    libpq("krbsrvname", Ignored)
        .variable("PGKRBSRVNAME")
        .npgsql(&["kerberosservicename", "krbsrvname"])
        .pgjdbc(&["kerberosServerName"]),
    beside_libpq("integrated security", Only(&["false"], "no Kerberos login is made"))
        .npgsql(&["integratedsecurity"]),
];
