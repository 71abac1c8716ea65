//! What is refused, what the error says, and what it never shows.

use std::error::Error;

use postgres_entra::{ConfigError, ConfigErrorKind, ConfigErrorKind::*, Settings};

/// Stands in each value that must not be shown.
const MARKER: &str = "MARKER";

type Vars = &'static [(&'static str, &'static str)];

/// Variables, the kind of the error, the variable it is about, and a part of its text.
type Case = (Vars, ConfigErrorKind, Option<&'static str>, &'static str);

const CONNECTION_STRING: &str = "AZURE_POSTGRESQL_CONNECTIONSTRING";
const HOST: &str = "AZURE_POSTGRESQL_HOST";

fn shown(error: &ConfigError) -> String {
    let mut text = format!("{error} {error:?} {}", error.hint());
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

fn assert_refused(cases: &[Case]) {
    for (vars, kind, variable, problem) in cases {
        let error = match Settings::from_vars(vars.iter().copied()) {
            Ok(settings) => panic!("{vars:?} was accepted: {settings:?}"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), *kind, "{vars:?}: {error}");
        assert_eq!(error.variable(), *variable, "{vars:?}: {error}");
        assert!(error.to_string().contains(problem), "{vars:?}: {error}");
        assert!(!shown(&error).contains(MARKER), "{vars:?}: {}", shown(&error));
    }
}

#[test]
fn missing_settings_are_named() {
    assert_refused(&[
        (&[], Missing, None, "AZURE_POSTGRESQL_HOST, spring.datasource.url, DATABASE_URL, PGHOST"),
        (&[("PGSSLMODE", "require")], Missing, None, "no variable says"),
        (&[("AZURE_POSTGRESQL_HOST", " ")], Missing, None, "no variable says"),
        (&[("AZURE_POSTGRESQL_USER", "MARKER")], Missing, Some("AZURE_POSTGRESQL_USER"), "no host"),
        (
            &[(CONNECTION_STRING, "password= user=MARKER")],
            Missing,
            Some(CONNECTION_STRING),
            "no host",
        ),
        (&[("PGHOSTADDR", "127.0.0.1")], Missing, Some("PGHOSTADDR"), "certificate"),
        (&[(HOST, "a,,b")], Missing, Some(HOST), "empty"),
    ]);
}

#[test]
fn an_incomplete_identity_is_refused() {
    assert_refused(&[
        (
            &[
                (HOST, "h"),
                ("AZURE_POSTGRESQL_CLIENTSECRET", "MARKER"),
                ("AZURE_POSTGRESQL_CLIENTID", "c"),
            ],
            Missing,
            Some("AZURE_POSTGRESQL_TENANTID"),
            "service principal is incomplete",
        ),
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_CLIENTSECRET", "MARKER")],
            Missing,
            Some("AZURE_POSTGRESQL_CLIENTID"),
            "service principal is incomplete",
        ),
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_CLIENTID", "c"), ("AZURE_POSTGRESQL_TENANTID", "t")],
            Missing,
            Some("AZURE_POSTGRESQL_CLIENTSECRET"),
            "service principal is incomplete",
        ),
        (
            &[("PGHOST", "h"), ("AZURE_CLIENT_SECRET", "MARKER"), ("AZURE_TENANT_ID", "t")],
            Missing,
            Some("AZURE_CLIENT_ID"),
            "service principal is incomplete",
        ),
        (
            &[
                ("spring.datasource.url", "jdbc:postgresql://h/d"),
                ("spring.cloud.azure.credential.client-secret", "MARKER"),
            ],
            Missing,
            Some("spring.cloud.azure.credential.client-id"),
            "service principal is incomplete",
        ),
        (
            &[(HOST, "h"), ("AZURE_FEDERATED_TOKEN_FILE", "/MARKER"), ("AZURE_CLIENT_ID", "c")],
            Missing,
            Some("AZURE_TENANT_ID"),
            "workload identity",
        ),
        (
            &[
                ("PGHOST", "h"),
                ("AZURE_CLIENT_SECRET", "MARKER"),
                ("AZURE_CLIENT_ID", "c"),
                ("AZURE_TENANT_ID", "../MARKER"),
            ],
            Malformed,
            Some("AZURE_TENANT_ID"),
            "neither a GUID nor a domain name",
        ),
    ]);
}

#[test]
fn malformed_values_are_refused() {
    assert_refused(&[
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_PORT", "MARKER")],
            Malformed,
            Some("AZURE_POSTGRESQL_PORT"),
            "1 to 65535",
        ),
        (&[("DATABASE_URL", "host=h port=0")], Malformed, Some("DATABASE_URL"), "`port`"),
        (&[("DATABASE_URL", "postgres://u:MARKER/x")], Malformed, Some("DATABASE_URL"), "`port`"),
        (
            &[("DATABASE_URL", "host=h port=70000 password=MARKER")],
            Malformed,
            Some("DATABASE_URL"),
            "`port`",
        ),
        (
            &[("DATABASE_URL", "host=a,b port=1,2,3")],
            Malformed,
            Some("DATABASE_URL"),
            "`port` does not have one entry for each host",
        ),
        (
            &[("PGHOST", "a,b"), ("PGHOSTADDR", "127.0.0.1")],
            Malformed,
            Some("PGHOSTADDR"),
            "`hostaddr` does not have one entry for each host",
        ),
        (&[("PGHOST", "a"), ("PGHOSTADDR", "MARKER")], Malformed, Some("PGHOSTADDR"), "IP address"),
        (&[(HOST, "https://MARKER")], Malformed, Some(HOST), "characters that no host name has"),
        (&[(HOST, "h\u{e9}MARKER")], Malformed, Some(HOST), "characters that no host name has"),
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_SSL", "MARKER")],
            Malformed,
            Some("AZURE_POSTGRESQL_SSL"),
            "neither `true` nor `false`",
        ),
        (
            &[("PGHOST", "h"), ("PGSSLMODE", "MARKER")],
            Malformed,
            Some("PGSSLMODE"),
            "verify-ca, verify-full",
        ),
        (
            &[("PGHOST", "h"), ("PGCONNECT_TIMEOUT", "MARKERs")],
            Malformed,
            Some("PGCONNECT_TIMEOUT"),
            "whole number",
        ),
        (&[("PGHOST", "h"), ("PGUSER", "a\0MARKER")], Malformed, Some("PGUSER"), "NUL byte"),
        (
            &[(CONNECTION_STRING, "host=h password='MARKER")],
            Malformed,
            Some(CONNECTION_STRING),
            "closing quote",
        ),
        (
            &[(CONNECTION_STRING, "Host=h;Password=\"MARKER")],
            Malformed,
            Some(CONNECTION_STRING),
            "closing quote",
        ),
        (
            &[(CONNECTION_STRING, "Host=h;Password=a;MARKER")],
            Malformed,
            Some(CONNECTION_STRING),
            "no `=`",
        ),
        (
            &[(CONNECTION_STRING, "postgres://u:MARKER@x@h/d")],
            Malformed,
            Some(CONNECTION_STRING),
            "%40",
        ),
        (
            &[(CONNECTION_STRING, "host=h sslmod=MARKER")],
            Malformed,
            Some(CONNECTION_STRING),
            "`sslmod`",
        ),
        (
            &[("spring_datasource_url", "jdbc:postgresql://MARKER")],
            Malformed,
            Some("spring_datasource_url"),
            "`/`",
        ),
    ]);
}

#[test]
fn unresolved_references_are_refused_wherever_they_stand() {
    assert_refused(&[
        (
            &[(CONNECTION_STRING, "@Microsoft.KeyVault(SecretUri=https://MARKER)")],
            UnresolvedReference,
            Some(CONNECTION_STRING),
            "reference",
        ),
        (
            &[
                (HOST, "h"),
                ("AZURE_POSTGRESQL_PASSWORD", "@Microsoft.AppConfiguration(Endpoint=MARKER)"),
            ],
            UnresolvedReference,
            Some("AZURE_POSTGRESQL_PASSWORD"),
            "reference",
        ),
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_CLIENTSECRET", "@microsoft.keyvault(MARKER)")],
            UnresolvedReference,
            Some("AZURE_POSTGRESQL_CLIENTSECRET"),
            "reference",
        ),
        (
            &[(CONNECTION_STRING, "Server=h;User Id=u;Password=@Microsoft.KeyVault(MARKER)")],
            UnresolvedReference,
            Some(CONNECTION_STRING),
            "reference",
        ),
        (
            &[(
                CONNECTION_STRING,
                "Host=h;Password=@Microsoft.KeyVault(VaultName=v;Secret=MARKER)",
            )],
            UnresolvedReference,
            Some(CONNECTION_STRING),
            "reference",
        ),
        (
            &[("DATABASE_URL", "postgres://u:@Microsoft.KeyVault(SecretUri=https://MARKER/s)@h/d")],
            UnresolvedReference,
            Some("DATABASE_URL"),
            "reference",
        ),
        (
            &[("DATABASE_URL", "postgres://u:%40Microsoft.AppConfiguration(MARKER)@h/d")],
            UnresolvedReference,
            Some("DATABASE_URL"),
            "reference",
        ),
        (
            &[("DATABASE_URL", "host=h user=u password=secretref:MARKER")],
            UnresolvedReference,
            Some("DATABASE_URL"),
            "reference",
        ),
        (
            &[("spring.datasource.url", "jdbc:postgresql://h/d?password=akvs://MARKER/v/s")],
            UnresolvedReference,
            Some("spring.datasource.url"),
            "reference",
        ),
        (
            &[
                ("spring.datasource.url", "jdbc:postgresql://h/d"),
                ("SPRING_DATASOURCE_PASSWORD", "@Microsoft.KeyVault(MARKER)"),
            ],
            UnresolvedReference,
            Some("SPRING_DATASOURCE_PASSWORD"),
            "reference",
        ),
    ]);
}

#[test]
fn contradictions_name_both_variables() {
    assert_refused(&[
        (
            &[(CONNECTION_STRING, "host=one password=MARKER"), (HOST, "two")],
            Conflict,
            Some(CONNECTION_STRING),
            "unset one of AZURE_POSTGRESQL_CONNECTIONSTRING and AZURE_POSTGRESQL_HOST",
        ),
        (
            &[(HOST, "one"), ("spring.datasource.url", "jdbc:postgresql://two/d")],
            Conflict,
            Some(HOST),
            "spring.datasource.url",
        ),
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_USER", "a"), ("AZURE_POSTGRESQL_USERNAME", "MARKER")],
            Conflict,
            Some("AZURE_POSTGRESQL_USER"),
            "AZURE_POSTGRESQL_USERNAME",
        ),
        (
            &[
                (CONNECTION_STRING, "host=h password=MARKER1"),
                ("AZURE_POSTGRESQL_PASSWORD", "MARKER"),
            ],
            Conflict,
            Some(CONNECTION_STRING),
            "AZURE_POSTGRESQL_PASSWORD",
        ),
        (
            &[
                ("SPRING_DATASOURCE_URL", "jdbc:postgresql://MARKER/d"),
                ("spring.datasource.url", "jdbc:postgresql://h/d"),
            ],
            Conflict,
            Some("SPRING_DATASOURCE_URL"),
            "spring.datasource.url",
        ),
        (
            &[("DATABASE_URL", "postgres://u:MARKER@h?sslmode=disable&sslnegotiation=direct")],
            Conflict,
            Some("DATABASE_URL"),
            "direct TLS",
        ),
    ]);
}

#[test]
fn what_would_endanger_a_token_is_refused() {
    assert_refused(&[
        (&[("PGHOST", "h"), ("PGSSLMODE", "disable")], Unsafe, Some("PGSSLMODE"), "without TLS"),
        (&[("PGHOST", "h"), ("PGSSLMODE", "allow")], Unsafe, Some("PGSSLMODE"), "without TLS"),
        (&[("PGHOST", "h"), ("PGSSLMODE", "prefer")], Unsafe, Some("PGSSLMODE"), "without TLS"),
        (
            &[(HOST, "h"), ("AZURE_POSTGRESQL_SSL", "false")],
            Unsafe,
            Some("AZURE_POSTGRESQL_SSL"),
            "without TLS",
        ),
        (
            &[(CONNECTION_STRING, "Host=h;SSL Mode=Prefer")],
            Unsafe,
            Some(CONNECTION_STRING),
            "without TLS",
        ),
        (
            &[(CONNECTION_STRING, "jdbc:postgresql://h/d?ssl=false")],
            Unsafe,
            Some(CONNECTION_STRING),
            "without TLS",
        ),
    ]);
}

#[test]
fn what_can_not_be_had_is_refused_with_the_reason() {
    let url = Some("DATABASE_URL");
    assert_refused(&[
        (
            &[("PGHOST", "h"), ("PGCHANNELBINDING", "require")],
            Unsupported,
            Some("PGCHANNELBINDING"),
            "token",
        ),
        (&[("PGHOST", "/run/postgresql")], Unsupported, Some("PGHOST"), "Unix socket"),
        (&[("DATABASE_URL", "host=h gssencmode=require")], Unsupported, url, "GSSAPI"),
        (
            &[("DATABASE_URL", "host=h target_session_attrs=prefer-primary")],
            Unsupported,
            url,
            "preference",
        ),
        (
            &[("DATABASE_URL", "host=h require_auth=scram-sha-256")],
            Unsupported,
            url,
            "sent as a password",
        ),
        (
            &[("DATABASE_URL", "host=h require_auth=!password")],
            Unsupported,
            url,
            "sent as a password",
        ),
        (&[("DATABASE_URL", "host=h client_encoding=LATIN1")], Unsupported, url, "UTF-8"),
        (&[("DATABASE_URL", "host=h replication=database")], Unsupported, url, "replication"),
        (&[("DATABASE_URL", "host=h sslcert=/MARKER")], Unsupported, url, "client certificates"),
        (&[("DATABASE_URL", "host=h service=MARKER")], Unsupported, url, "service files"),
        (
            &[("DATABASE_URL", "Host=h;SSL Certificate=/MARKER")],
            Unsupported,
            url,
            "client certificates",
        ),
    ]);
}

#[test]
fn a_password_may_go_without_tls_only_where_that_is_stated() {
    for (mode, accepted) in [("disable", true), ("allow", true), ("prefer", true), ("no", false)] {
        let url = format!("postgres://u:p@h/d?sslmode={mode}");
        assert_eq!(Settings::from_vars([("DATABASE_URL", url)]).is_ok(), accepted, "{mode}");
    }
}
