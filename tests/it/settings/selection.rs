//! Which variables win, and who logs in.

use std::time::Duration;

use postgres_entra::{
    Cloud, ConfigErrorKind, ConnectionNames, Environment, Identity, Settings, UserAssignedId,
    settings::{
        ChannelBinding, Host, Keepalives, Origin, SslMode, SslNegotiation, TargetSessionAttrs,
    },
};

type Vars<'a> = &'a [(&'a str, &'a str)];

const AZURE: &str = "contoso.postgres.database.azure.com";

fn settings(vars: &[(&str, &str)]) -> Settings {
    Settings::from_vars(vars.iter().copied()).unwrap_or_else(|error| panic!("{vars:?}: {error}"))
}

fn origin(settings: &Settings, wanted: &str) -> Option<String> {
    let mut origins = settings.origins();
    origins.find(|(setting, _)| *setting == wanted).map(|(_, origin)| origin.to_string())
}

fn user_assigned(id: &str) -> Identity {
    Identity::UserAssigned(UserAssignedId::ClientId(id.to_owned()))
}

#[test]
fn service_connector_goes_before_database_url_and_that_before_libpqs_variables() {
    let vars = [
        ("AZURE_POSTGRESQL_CONNECTIONSTRING", "host=first user=a"),
        ("DATABASE_URL", "postgres://b:secret@second:1/d"),
        ("PGHOST", "third"),
        ("PGUSER", "c"),
        ("PGDATABASE", "filled"),
        ("PGPASSWORD", "secret"),
    ];
    let first = settings(&vars);
    assert_eq!((first.hosts()[0].name(), first.user()), ("first", Some("a")));
    assert_eq!(first.database(), Some("filled"));
    assert_eq!(first.identity(), &Identity::SystemAssigned);
    assert_eq!(origin(&first, "dbname").as_deref(), Some("PGDATABASE"));

    let second = settings(&vars[1..]);
    assert_eq!((second.hosts()[0].name(), second.user()), ("second", Some("b")));
    assert_eq!(second.database(), Some("d"));
    assert_eq!(origin(&second, "identity").as_deref(), Some("DATABASE_URL"));

    let third = settings(&vars[2..]);
    assert_eq!((third.hosts()[0].name(), third.user()), ("third", Some("c")));
    assert_eq!(third.identity(), &Identity::Password("secret".into()));
    assert_eq!(origin(&third, "identity").as_deref(), Some("PGPASSWORD"));
    assert_eq!(origin(&third, "sslmode").as_deref(), Some("default"));
}

#[test]
fn libpqs_variables_fill_what_is_missing() {
    let settings = settings(&[
        ("AZURE_POSTGRESQL_HOST", AZURE),
        ("PGHOSTADDR", "127.0.0.1"),
        ("PGPORT", "6432"),
        ("PGUSER", "u"),
        ("PGDATABASE", "d"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/ca.pem"),
        ("PGSSLNEGOTIATION", "direct"),
        ("PGCHANNELBINDING", "disable"),
        ("PGAPPNAME", "shop"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGTARGETSESSIONATTRS", "primary"),
        ("PGOPTIONS", "-c a=b"),
    ]);
    let host = Host::new(AZURE, 6432).with_address([127, 0, 0, 1].into());
    assert_eq!(settings.hosts(), [host]);
    assert_eq!((settings.user(), settings.database()), (Some("u"), Some("d")));
    assert_eq!(settings.ssl_mode(), SslMode::VerifyFull);
    assert_eq!(settings.ssl_root_cert().unwrap().to_str(), Some("/ca.pem"));
    assert_eq!(settings.ssl_negotiation(), SslNegotiation::Direct);
    assert_eq!(settings.channel_binding(), ChannelBinding::Disable);
    assert_eq!(settings.application_name(), Some("shop"));
    assert_eq!(settings.connect_timeout().unwrap().as_secs(), 7);
    assert_eq!(settings.target_session_attrs(), TargetSessionAttrs::Primary);
    assert_eq!(settings.options(), Some("-c a=b"));
}

#[test]
fn a_value_in_the_string_wins_over_libpqs_variables() {
    let settings = settings(&[
        (
            "AZURE_POSTGRESQL_CONNECTIONSTRING",
            "host=h port=1 user=a dbname=b sslmode=require application_name=c",
        ),
        ("PGPORT", "2"),
        ("PGUSER", "x"),
        ("PGDATABASE", "x"),
        ("PGSSLMODE", "disable"),
        ("PGAPPNAME", "x"),
    ]);
    assert_eq!(settings.hosts(), [Host::new("h", 1)]);
    assert_eq!((settings.user(), settings.database()), (Some("a"), Some("b")));
    assert_eq!(settings.ssl_mode(), SslMode::Require);
    assert_eq!(settings.application_name(), Some("c"));
}

#[test]
fn units_are_those_of_libpq() {
    let text = "host=h tcp_user_timeout=5000 connect_timeout=-1 keepalives=0 keepalives_idle=30 \
                keepalives_interval=0 keepalives_count=4 load_balance_hosts=random \
                sslrootcert=system gssencmode=prefer require_auth=password \
                fallback_application_name=f";
    let settings = settings(&[("DATABASE_URL", text)]);
    assert_eq!(settings.tcp_user_timeout().unwrap().as_millis(), 5000);
    assert_eq!(settings.connect_timeout(), None);
    let keepalives = settings.keepalives();
    assert!(!keepalives.enabled);
    assert_eq!(keepalives.idle.unwrap().as_secs(), 30);
    assert_eq!((keepalives.interval, keepalives.retries), (None, Some(4)));
    assert!(settings.load_balance_hosts());
    assert_eq!(settings.ssl_root_cert(), None);
    assert_eq!(settings.application_name(), Some("f"));
}

#[test]
fn utf_8_goes_by_many_names() {
    for name in ["UTF8", "utf8", "Utf-8", "UNICODE", "unicode", "auto"] {
        let text = format!("host=h client_encoding={name}");
        assert_eq!(settings(&[("DATABASE_URL", &text)]).hosts()[0].name(), "h", "{name}");
    }
}

#[test]
fn several_hosts_share_one_port_or_have_one_each() {
    let cases = [
        ("host=a,b", vec![Host::new("a", 5432), Host::new("b", 5432)]),
        ("host=a,b port=1", vec![Host::new("a", 1), Host::new("b", 1)]),
        ("host=a,b port=1,", vec![Host::new("a", 1), Host::new("b", 5432)]),
        (
            "host=a,b hostaddr=,::1",
            vec![Host::new("a", 5432), Host::new("b", 5432).with_address("::1".parse().unwrap())],
        ),
        ("postgres://a:1,[::1]:2/d", vec![Host::new("a", 1), Host::new("::1", 2)]),
        ("Host=a:1,b;Port=2", vec![Host::new("a", 1), Host::new("b", 2)]),
    ];
    for (text, hosts) in cases {
        assert_eq!(settings(&[("DATABASE_URL", text)]).hosts(), hosts, "{text}");
    }
}

#[test]
fn app_service_connection_strings_are_read_under_their_prefixes() {
    let names = [
        "POSTGRESQLCONNSTR_AZURE_POSTGRESQL_CONNECTIONSTRING",
        "CUSTOMCONNSTR_AZURE_POSTGRESQL_CONNECTIONSTRING",
        "POSTGRESQLCONNSTR_AZURE_POSTGRESQL",
    ];
    for name in names {
        let settings = settings(&[(name, "Server=h;User Id=u")]);
        assert_eq!(settings.hosts()[0].name(), "h", "{name}");
        assert_eq!(origin(&settings, "host").as_deref(), Some(name));
    }
}

#[test]
fn customized_keys_are_read_in_place_of_the_original_ones() {
    let environment = Environment::from_vars([
        ("DB", "host=h user=u"),
        ("DB_CLIENT", "1"),
        ("AZURE_POSTGRESQL_CLIENTID", "2"),
    ]);
    let names = ConnectionNames::default()
        .with_renamed("AZURE_POSTGRESQL_CONNECTIONSTRING", "DB")
        .with_renamed("AZURE_POSTGRESQL_CLIENTID", "DB_CLIENT");
    let settings = Settings::from_environment(&environment, &names).unwrap();
    assert_eq!(settings.identity(), &user_assigned("1"));

    let environment = Environment::from_vars([
        ("REPORTS_URL", "jdbc:postgresql://r/d"),
        ("spring.datasource.url", "jdbc:postgresql://other/d"),
    ]);
    let names =
        ConnectionNames::new("REPORTS_").with_renamed("spring.datasource.url", "REPORTS_URL");
    let settings = Settings::from_environment(&environment, &names).unwrap();
    assert_eq!(settings.hosts()[0].name(), "r");
}

#[test]
fn a_mistyped_prefix_never_reaches_another_database() {
    let vars = [
        ("spring.datasource.url", "jdbc:postgresql://h/d"),
        ("DATABASE_URL", "postgres://h/d"),
        ("PGHOST", "h"),
        ("AZURE_POSTGRESQL_HOST", "h"),
        ("AZURE_POSTGRESQL_CONN2_HOST", "h"),
    ];
    let error = Settings::from_vars_with_prefix(vars, "AZURE_POSTGRESQL_CONN3").unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Missing);
    assert!(error.hint().contains("AZURE_POSTGRESQL_CONN3_HOST"), "{error}");
}

#[test]
fn no_host_is_dialled_at_the_address_of_another() {
    let address = ("PGHOSTADDR", "127.0.0.1");
    let dialled = |host| Host::new(host, 5432).with_address([127, 0, 0, 1].into());
    let cases: [(Vars<'_>, Host); 4] = [
        (&[("AZURE_POSTGRESQL_HOST", "h"), ("PGHOST", "other"), address], Host::new("h", 5432)),
        (&[("AZURE_POSTGRESQL_HOST", "h"), ("PGHOST", "H"), address], dialled("h")),
        (&[("AZURE_POSTGRESQL_HOST", "h"), address], dialled("h")),
        (&[("PGHOST", "other"), address], dialled("other")),
    ];
    for (vars, host) in cases {
        assert_eq!(settings(vars).hosts(), [host], "{vars:?}");
    }
    let second = [("AZURE_POSTGRESQL_CONN2_HOST", "second"), ("PGHOST", "first"), address];
    let second = Settings::from_vars_with_prefix(second, "AZURE_POSTGRESQL_CONN2").unwrap();
    assert_eq!(second.hosts(), [Host::new("second", 5432)]);
}

#[test]
fn the_azure_variables_state_an_identity_only_without_service_connector() {
    let ambient = [
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_SECRET", "s"),
        ("PGPASSWORD", "p"),
    ];
    let principal = Identity::service_principal("t", "c", "s");
    let cases: [(Vars<'_>, Vars<'_>, Identity); 9] = [
        (&[("AZURE_POSTGRESQL_HOST", "h")], &ambient, Identity::SystemAssigned),
        (&[("spring.datasource.url", "jdbc:postgresql://h/")], &ambient, Identity::SystemAssigned),
        (&[("DATABASE_URL", "postgres://h")], &ambient, principal.clone()),
        (&[("PGHOST", "h")], &ambient, principal),
        (&[("PGHOST", "h")], &ambient[..2], user_assigned("c")),
        (&[("PGHOST", "h"), ("PGPASSWORD", "p")], &ambient[..1], user_assigned("c")),
        (&[("PGHOST", "h")], &ambient[3..], Identity::Password("p".into())),
        (&[("DATABASE_URL", "postgres://u:x@h")], &ambient, Identity::Password("x".into())),
        (
            &[("DATABASE_URL", "postgres://h"), ("AZURE_POSTGRESQL_CLIENTID", "own")],
            &ambient,
            user_assigned("own"),
        ),
    ];
    for (connection, ambient, identity) in cases {
        let vars: Vec<_> = connection.iter().chain(ambient).copied().collect();
        assert_eq!(settings(&vars).identity(), &identity, "{vars:?}");
    }
}

#[test]
fn a_password_of_spring_wins_over_credentials_that_may_be_for_other_services() {
    let settings = settings(&[
        ("spring.datasource.url", "jdbc:postgresql://h/d"),
        ("spring.datasource.password", " p "),
        ("spring.cloud.azure.credential.client-secret", "s"),
    ]);
    assert_eq!(settings.identity(), &Identity::Password(" p ".into()));
}

#[test]
fn springs_keys_of_the_data_source_go_before_those_of_the_application() {
    let url = ("spring.datasource.url", "jdbc:postgresql://h/d");
    let shared = [
        url,
        ("spring.cloud.azure.credential.client-id", "c"),
        ("spring.cloud.azure.credential.client-secret", "s"),
        ("spring.cloud.azure.profile.tenant-id", "t"),
    ];
    let own = [
        ("SPRING_DATASOURCE_AZURE_CREDENTIAL_CLIENTID", "own-c"),
        ("spring.datasource.azure.credential.client-secret", "own-s"),
        ("spring.datasource.azure.profile.tenant-id", "own-t"),
    ];
    let own_id = Identity::service_principal("t", "own-c", "s");
    let all_own = Identity::service_principal("own-t", "own-c", "own-s");
    assert_eq!(settings(&shared).identity(), &Identity::service_principal("t", "c", "s"));
    assert_eq!(settings(&[&shared[..], &own[..1]].concat()).identity(), &own_id);
    assert_eq!(settings(&[&shared[..], &own[..]].concat()).identity(), &all_own);
    assert_eq!(settings(&[&[url], &own[..]].concat()).identity(), &all_own);
}

#[test]
fn a_tenant_of_springs_profile_does_not_ask_for_a_secret() {
    let url = ("spring.datasource.url", "jdbc:postgresql://h/d");
    let tenant = ("spring.cloud.azure.profile.tenant-id", "t");
    let client = ("spring.datasource.azure.credential.client-id", "c");
    assert_eq!(settings(&[url, tenant]).identity(), &Identity::SystemAssigned);
    assert_eq!(settings(&[url, tenant, client]).identity(), &user_assigned("c"));
}

#[test]
fn a_spring_url_of_another_database_is_left_alone() {
    let settings = settings(&[
        ("SPRING_DATASOURCE_URL", "jdbc:mysql://m/d"),
        ("SPRING_DATASOURCE_USERNAME", "m"),
        ("PGHOST", "h"),
    ]);
    assert_eq!((settings.hosts()[0].name(), settings.user()), ("h", None));
}

#[test]
fn workload_identity_takes_the_ids_of_the_connection_first() {
    let settings = settings(&[
        ("AZURE_POSTGRESQL_HOST", "h"),
        ("AZURE_POSTGRESQL_CLIENTID", "own"),
        ("AZURE_CLIENT_ID", "ambient"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/token"),
    ]);
    assert_eq!(settings.identity(), &Identity::workload("t", "own", "/token"));
}

#[test]
fn variables_that_agree_complete_each_other() {
    let settings = settings(&[
        ("AZURE_POSTGRESQL_CONNECTIONSTRING", "Server=Contoso;User Id=u;Ssl Mode=Require"),
        ("AZURE_POSTGRESQL_HOST", "contoso"),
        ("AZURE_POSTGRESQL_USERNAME", "u"),
        ("AZURE_POSTGRESQL_DATABASE", "d"),
        ("AZURE_POSTGRESQL_PASSWORD", "p"),
    ]);
    assert_eq!(settings.database(), Some("d"));
    assert_eq!(settings.identity(), &Identity::Password("p".into()));
}

#[test]
fn the_cloud_follows_from_the_host() {
    let cases = [
        ("h.postgres.database.usgovcloudapi.net", Cloud::UsGovernment),
        ("h.postgres.database.chinacloudapi.cn", Cloud::China),
        ("c-h.x.postgres.cosmos.azure.com", Cloud::CosmosDb),
        ("h.x.westus3.horizondb.azure.com", Cloud::HorizonDb),
        ("h.postgres.database.azure.com", Cloud::Public),
    ];
    for (host, cloud) in cases {
        assert_eq!(settings(&[("AZURE_POSTGRESQL_HOST", host)]).cloud(), cloud, "{host}");
    }
}

#[test]
fn a_setting_that_code_replaces_has_no_origin_in_the_variables() {
    let settings = settings(&[("DATABASE_URL", "postgres://u:p@h/d")])
        .with_user("other")
        .with_identity(Identity::SystemAssigned);
    assert_eq!(origin(&settings, "user"), None);
    assert_eq!(origin(&settings, "identity"), None);
    let dbname = Origin::Variable("DATABASE_URL".to_owned());
    assert!(settings.origins().any(|(name, origin)| name == "dbname" && *origin == dbname));
}

#[test]
fn every_setting_of_the_connection_can_be_set_in_code() {
    let text = "host=h connect_timeout=7 tcp_user_timeout=5000 keepalives_idle=60 \
                channel_binding=disable load_balance_hosts=random";
    let read = settings(&[("DATABASE_URL", text)]);
    let in_code = Settings::new("h", Identity::SystemAssigned)
        .with_connect_timeout(Duration::from_secs(7))
        .with_tcp_user_timeout(Duration::from_secs(5))
        .with_keepalives(read.keepalives())
        .with_channel_binding(ChannelBinding::Disable)
        .with_load_balance_hosts(true);
    assert_eq!(in_code, read);

    let replaced = read
        .with_connect_timeout(Duration::from_secs(1))
        .with_tcp_user_timeout(Duration::from_secs(1))
        .with_keepalives(Keepalives::default())
        .with_channel_binding(ChannelBinding::Prefer)
        .with_load_balance_hosts(false);
    let left: Vec<_> = replaced.origins().map(|(setting, _)| setting).collect();
    assert_eq!(left, ["dbname", "host", "identity", "port", "sslmode", "user"]);
}

#[test]
fn a_resource_of_aspire_is_read_by_its_name() {
    let names = ConnectionNames::aspire("orders-db");
    let read = |vars: &[(&str, &str)]| {
        Settings::from_environment(&Environment::from_vars(vars.iter().copied()), &names)
    };
    let entra = [
        ("ORDERS_DB_HOST", AZURE),
        ("ORDERS_DB_PORT", "6432"),
        ("ORDERS_DB_DATABASENAME", "orders"),
        ("AZURE_CLIENT_ID", "c"),
        ("PGHOST", "other"),
    ];
    let settings = read(&entra).unwrap();
    assert_eq!(settings.hosts(), [Host::new(AZURE, 6432)]);
    assert_eq!((settings.database(), settings.user()), (Some("orders"), None));
    assert_eq!(settings.identity(), &user_assigned("c"));

    let url = format!("postgresql://{AZURE}/orders");
    let jdbc = format!("jdbc:postgresql://{AZURE}/orders?sslmode=require");
    let ado_net = format!("Host={AZURE};Database=orders");
    for (name, value) in [
        ("ORDERS_DB_URI", &url),
        ("ORDERS_DB_JDBCCONNECTIONSTRING", &jdbc),
        ("ConnectionStrings__orders-db", &ado_net),
    ] {
        let settings = read(&[(name, value), ("ORDERS_DB_DATABASENAME", "orders")]).unwrap();
        assert_eq!(settings.hosts()[0].name(), AZURE, "{name}");
        assert_eq!(settings.identity(), &Identity::SystemAssigned, "{name}");
    }
    let local = [
        ("ORDERS_DB_HOST", "localhost"),
        ("ORDERS_DB_USERNAME", "postgres"),
        ("ORDERS_DB_PASSWORD", "p"),
    ];
    assert_eq!(read(&local).unwrap().identity(), &Identity::Password("p".into()));
    let conflict = read(&[("ORDERS_DB_HOST", "one"), ("ORDERS_DB_URI", &url)]).unwrap_err();
    assert_eq!(conflict.kind(), ConfigErrorKind::Conflict);
    let missing = read(&[("PGHOST", "other")]).unwrap_err();
    assert!(missing.hint().contains("ConnectionStrings__orders-db"), "{missing}");
}
