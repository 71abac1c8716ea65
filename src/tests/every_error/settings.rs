//! What variables, connection strings and builders may state wrongly.

use std::{
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};

use crate::{
    AccessToken, Cloud, ConfigError, Connector, Environment, Error, Identity, RefreshPolicy,
    Settings, TokenCache, UserAssignedId,
    pool::sqlx::{EntraPgPool, pool_options},
    settings::{ChannelBinding, Host, SslMode, SslNegotiation, TargetSessionAttrs},
    source::{self, from_fn},
};

const HOUR: Duration = Duration::from_secs(3600);
const STRING: &str = "AZURE_POSTGRESQL_CONNECTIONSTRING";
const HOST: (&str, &str) = ("PGHOST", "contoso.postgres.database.azure.com");

pub(super) fn of_variables() -> Vec<Error> {
    let environments: &[&[(&str, &str)]] = &[
        &[],
        &[("AZURE_POSTGRESQL_ORDERS_HOST", "h")],
        &[("PGSERVICE", "s")],
        &[("AZURE_POSTGRESQL_USER", "u")],
        &[("AZURE_POSTGRESQL_USER", "u"), ("DATABASE_URL", "postgres://u@h/d")],
        &[("PGUSER", "u"), ("PGHOSTADDR", "10.0.0.1")],
        &[("AZURE_POSTGRESQL_HOST", "h"), ("AZURE_POSTGRESQL_SSL", "maybe")],
        &[("AZURE_POSTGRESQL_HOST", "h"), ("AZURE_POSTGRESQL_PORT", "tcp://10.0.0.1:5432")],
        &[("PGHOST", "\"h\"")],
        &[("PGHOST", "\u{feff}h")],
        &[(STRING, "host=h password=@Microsoft.KeyVault(SecretUri=https://v/s)")],
        &[("PGHOST", "${PG_HOST}")],
        &[HOST, ("PGSSLCERT", "c.pem")],
        &[HOST, ("PGSERVICE", "s")],
        &[("PGSERVICE", "s")],
        &[HOST, ("PGSSLCRL", "c.pem")],
        &[HOST, ("PGCLIENTENCODING", "LATIN1")],
        &[HOST, ("PGMINPROTOCOLVERSION", "3.2")],
        &[HOST, ("PGSSLSNI", "0")],
        &[HOST, ("PGSSLMINPROTOCOLVERSION", "TLSv1.3")],
        &[HOST, ("PGSSLMAXPROTOCOLVERSION", "TLSv1.2")],
        &[HOST, ("PGGSSENCMODE", "require")],
        &[HOST, ("PGREQUIREAUTH", "scram-sha-256")],
        &[HOST, ("PGREQUIREAUTH", "scram-sha-256"), ("PGPASSWORD", "p")],
        &[HOST, ("PGSSLMODE", "verified")],
        &[HOST, ("PGSSLMODE", "prefer")],
        &[HOST, ("PGCHANNELBINDING", "require")],
        &[HOST, ("PGTARGETSESSIONATTRS", "prefer-primary")],
        &[HOST, ("PGCONNECT_TIMEOUT", "10s")],
        &[HOST, ("PGPORT", "5432/tcp")],
        &[HOST, ("PGPORT", "5432,5433")],
        &[HOST, ("PGHOSTADDR", "contoso")],
        &[HOST, ("PGUSER", "a-name-that-is-longer-than-what-the-server-takes-of-it-0123456789")],
        &[HOST, ("AZURE_POSTGRESQL_CLIENTSECRET", "s")],
        &[HOST, ("AZURE_FEDERATED_TOKEN_FILE", "/f")],
        &[HOST, ("AZURE_POSTGRESQL_CLIENTID", "i"), ("AZURE_POSTGRESQL_TENANTID", "t")],
        &[
            ("SPRING_DATASOURCE_URL", "jdbc:postgresql://h/d"),
            ("spring.datasource.url", "jdbc:postgresql://other/d"),
        ],
        &[(STRING, "host=h user=u"), ("AZURE_POSTGRESQL_HOST", "other")],
    ];
    environments.iter().map(|vars| of_settings(settings(vars), vars)).collect()
}

pub(super) fn of_connection_strings() -> Vec<Error> {
    let strings = [
        "postgres://",
        "host='' user=u",
        "contoso.postgres.database.azure.com",
        "host='h",
        "host=h usr=u",
        "host=h statement_timeout=5",
        "host=h pooling=true",
        "host=h pool_size=5",
        "host=h nonsense=1",
        "host=h password=a b=c",
        "host=h; user=u",
        "host=h socketFactory=x",
        "host=h replication=database",
        "host=h scram_client_key=k",
        "host=h oauth_issuer=i",
        "host=h sslkeylogfile=f",
        "host=h hostaddr=1,2",
        "host=/var/run/postgresql",
        "host=a,,b",
        "host=127.1",
        "host=fe80::1%eth0",
        "host=h?x",
        "host=h:5432",
        "host=\"h\"",
        "Driver={PostgreSQL Unicode};Server=h;Database=d",
        "Host=h;Database",
        "Host=h;Database='d",
        "Host=h;Database=\"d\"x",
        "Host=h;Password=a;b=c",
        "Host=h;dbname=d",
        "Host=h;statement_timeout=5",
        "Host=h;User Instance=x",
        "Host=h;Connection Limit=5",
        "Host=h;Nonsense=x",
        "Host=h;Integrated Security=true",
        "Host=h;Check Certificate Revocation=true",
        "postgres://u:a@b/c@h/d",
        "postgres://u@h/d d",
        "postgres://u@h/d?sslmode",
        "postgres://u@h/d?x=%zz",
        "postgres://u@h/%ff",
        "postgres://u@h/%00",
        "postgres://u@h/d\nx",
        "postgres://u@[::1/d",
        "postgres://h;user=u",
        "jdbc:mysql://h/d",
        "jdbc:aws-wrapper:postgresql://h/d",
        "jdbc:postgresql:h/d",
        "jdbc:postgresql://h",
        "jdbc:postgresql://h/d/e",
        "jdbc:postgresql://u:p@h/d",
        "jdbc:postgresql://h/d?readOnly=true",
        "jdbc:postgresql://h/d?socketFactory=x",
        "psql postgres://u@h/d",
        "pg_connect(\"host=h\")",
        "pgsql:host=h;dbname=d",
        "DATABASE_URL=postgres://u@h/d",
        "mysql://u@h/d",
    ];
    strings.iter().map(|string| of_settings(settings(&[(STRING, string)]), string)).collect()
}

/// Settings that are made in code.
pub(super) fn of_code() -> Vec<Error> {
    let token = || Settings::new(HOST.1, Identity::SystemAssigned);
    let identity = |identity| Settings::new(HOST.1, identity);
    let tenant = "11111111-2222-3333-4444-555555555555";
    let made = vec![
        Settings::for_hosts(Vec::new(), Identity::SystemAssigned),
        Settings::for_hosts(vec![Host::new("h", 0)], Identity::SystemAssigned),
        token().with_user(""),
        token().with_user("a\0b"),
        token().with_database("a\0b"),
        token().with_ssl_mode(SslMode::Prefer),
        token().with_channel_binding(ChannelBinding::Require),
        identity(Identity::Password("p".into()))
            .with_ssl_mode(SslMode::Prefer)
            .with_ssl_negotiation(SslNegotiation::Direct),
        identity(Identity::UserAssigned(UserAssignedId::ClientId(String::new()))),
        identity(Identity::service_principal(tenant, "c", "")),
        identity(Identity::service_principal(tenant, "", "s")),
        identity(Identity::service_principal("a b", "c", "s")),
    ];
    made.into_iter().map(|made| made.validate().unwrap_err().into()).collect()
}

/// What builders refuse.
pub(super) fn of_builders() -> Vec<Error> {
    let token = || Settings::new(HOST.1, Identity::SystemAssigned);
    let builder = || Connector::builder().environment(no_variables());
    let any = || from_fn(|_| async { AccessToken::new("t", SystemTime::now()) });
    let hosts = ["contoso.postgres.database.azure.co", "db.contoso.example"];
    let mut errors: Vec<Error> = hosts
        .map(|host| builder().settings(Settings::new(host, Identity::SystemAssigned)))
        .into_iter()
        .chain([
            builder().settings(token()).deadline(Duration::ZERO),
            builder()
                .settings(Settings::new(HOST.1, Identity::Password("p".into())))
                .token_source(any()),
            builder()
                .settings(token())
                .token_cache(TokenCache::new(any(), "https://management.azure.com/.default")),
        ])
        .map(|builder| builder.build().unwrap_err())
        .collect();
    errors.push(RefreshPolicy::default().fetch_deadline(Duration::ZERO).unwrap_err().into());
    errors
}

/// What libpq's programs and sqlx can't be given.
pub(super) async fn of_other_drivers() -> Vec<Error> {
    let settings = || Settings::new(HOST.1, Identity::SystemAssigned).with_user("u");
    let address = Host::new("h", 5432).with_address(Ipv4Addr::new(10, 0, 0, 1).into());
    let two = vec![Host::new("a", 1), Host::new("b", 1)];
    let sqlx = [
        Settings::for_hosts(vec![address], Identity::SystemAssigned).with_user("u"),
        Settings::for_hosts(two, Identity::SystemAssigned).with_user("u"),
        Settings::new(HOST.1, Identity::SystemAssigned),
        settings().with_target_session_attrs(TargetSessionAttrs::ReadWrite),
        settings().with_ssl_negotiation(SslNegotiation::Direct),
        Settings::new(HOST.1, Identity::Password("p".into()))
            .with_user("u")
            .with_channel_binding(ChannelBinding::Require),
    ];
    let mut errors = Vec::new();
    for settings in sqlx {
        let opened = EntraPgPool::open(&connector(settings), pool_options()).await;
        errors.push(opened.unwrap_err());
    }
    let variables = connector(settings().with_database("a=b")).libpq_variables().await;
    errors.push(variables.unwrap_err());
    errors
}

/// A connector whose identity, if it has one, always has a token.
fn connector(settings: Settings) -> Connector {
    let source = from_fn(|_| async { AccessToken::new("t", SystemTime::now() + HOUR) });
    let builder = match settings.identity() {
        Identity::Password(_) => Connector::builder(),
        _ => Connector::builder().token_source(source),
    };
    let builder = builder.settings(settings);
    builder.trust_host("a").trust_host("b").trust_host("h").build().unwrap()
}

/// Where tokens would come from, by the variables of the platform.
pub(super) fn of_platforms() -> Vec<Error> {
    let id = "11111111-2222-3333-4444-555555555555";
    let system = Identity::SystemAssigned;
    let user = Identity::UserAssigned(UserAssignedId::ClientId(id.to_owned()));
    let secret = Identity::service_principal(id, id, "s");
    let workload = Identity::workload(id, id, "/f");
    let endpoint = ("IDENTITY_ENDPOINT", "http://localhost");
    let proxy = ("AZURE_KUBERNETES_TOKEN_PROXY", "https://10.0.0.1");
    let (file, data) = (("AZURE_KUBERNETES_CA_FILE", "f"), ("AZURE_KUBERNETES_CA_DATA", "d"));
    let cases: &[(&Identity, &[(&str, &str)])] = &[
        (&system, &[endpoint]),
        (&system, &[endpoint, ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "t")]),
        (&system, &[("IDENTITY_ENDPOINT", "https://localhost"), ("IDENTITY_HEADER", "h")]),
        (&system, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "localhost:80")]),
        (&system, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://u:p@localhost")]),
        (&user, &[("MSI_ENDPOINT", "http://localhost")]),
        (
            &user,
            &[("IDENTITY_ENDPOINT", "http://localhost?api-version=1"), ("IDENTITY_HEADER", "h")],
        ),
        (
            &user,
            &[
                ("AZURE_CLIENT_ID", id),
                ("AZURE_TENANT_ID", id),
                ("AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem"),
            ],
        ),
        (&secret, &[("AZURE_AUTHORITY_HOST", "http://login.example")]),
        (&secret, &[("AZURE_AUTHORITY_HOST", "https:/login.example")]),
        (&secret, &[("AZURE_AUTHORITY_HOST", "https://")]),
        (&workload, &[("AZURE_KUBERNETES_TOKEN_PROXY", "http://10.0.0.1"), file]),
        (&workload, &[("AZURE_KUBERNETES_TOKEN_PROXY", "10.0.0.1"), file]),
        (&workload, &[("AZURE_KUBERNETES_TOKEN_PROXY", "https://10.0.0.1?a=b"), file]),
        (&workload, &[proxy]),
        (&workload, &[proxy, file, data]),
        (&workload, &[file]),
        (&system, &[("AZURE_TOKEN_CREDENTIALS", "VisualStudioCredential")]),
        (&system, &[("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")]),
        (&system, &[("AZURE_TOKEN_CREDENTIALS", "WorkloadIdentityCredential")]),
    ];
    let mut errors: Vec<Error> = cases
        .iter()
        .map(|(identity, vars)| {
            let environment = Environment::from_vars(vars.iter().copied());
            source::detect(identity, Cloud::Public, &environment)
                .err()
                .unwrap_or_else(|| {
                    eprintln!("ACCEPTED {vars:?}");
                    ConfigError::malformed("x", "y")
                })
                .into()
        })
        .collect();
    let object = UserAssignedId::ObjectId(id.to_owned());
    let ml = Environment::from_vars([("MSI_ENDPOINT", "http://localhost"), ("MSI_SECRET", "s")]);
    errors.extend([
        source::AppService::from_environment(&no_variables()).unwrap_err().into(),
        source::MsiEndpoint::from_environment(&no_variables(), None).unwrap_err().into(),
        source::MsiEndpoint::from_environment(&ml, Some(&object)).unwrap_err().into(),
        source::CloudShell::from_environment(&no_variables()).unwrap_err().into(),
        source::ContainerInstances::from_environment(&no_variables()).unwrap_err().into(),
        source::ClientSecret::new("a b", id, "s").unwrap_err().into(),
        source::ClientSecret::new(id, "", "s").unwrap_err().into(),
        source::ClientSecret::new(id, id, "").unwrap_err().into(),
    ]);
    errors
}

fn no_variables() -> Environment {
    Environment::from_vars::<_, String, String>([])
}

fn settings(vars: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::from_vars(vars.iter().copied())
}

fn of_settings(settings: Result<Settings, ConfigError>, stated: &dyn std::fmt::Debug) -> Error {
    match settings.and_then(|settings| settings.validate().map(|()| settings)) {
        Ok(settings) => {
            eprintln!("ACCEPTED {stated:?}");
            drop(settings);
            ConfigError::malformed("x", "y").into()
        }
        Err(error) => error.into(),
    }
}
