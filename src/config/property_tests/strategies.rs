//! Any settings, and texts that are hard on a grammar.

use std::{net::IpAddr, ops::Range, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    config::{
        ChannelBinding, Choice, Host, Keepalives, Settings, SslMode, SslNegotiation,
        TargetSessionAttrs, parameters::check_resolved,
    },
    identity::Identity,
};

/// Text of characters that mean something to a grammar, mixed with any others.
pub(super) fn nasty_text(length: Range<usize>) -> impl Strategy<Value = String> {
    let special: Vec<char> = "'\"\\ ;=@/?&%+,:[]#0aZ{}$\t\né\u{a0}".chars().collect();
    vec(prop_oneof![3 => select(special), 1 => any::<char>()], length).prop_map(String::from_iter)
}

/// The name of a variable that the settings are read from.
pub(super) fn variable() -> impl Strategy<Value = &'static str> {
    select(vec![
        "AZURE_POSTGRESQL_CONNECTIONSTRING",
        "AZURE_POSTGRESQL_HOST",
        "AZURE_POSTGRESQL_PORT",
        "AZURE_POSTGRESQL_USER",
        "AZURE_POSTGRESQL_SSL",
        "AZURE_POSTGRESQL_CLIENTID",
        "AZURE_POSTGRESQL_TENANTID",
        "AZURE_POSTGRESQL_CLIENTSECRET",
        "AZURE_POSTGRESQL_CONN2_HOST",
        "POSTGRESQLCONNSTR_AZURE_POSTGRESQL",
        "spring.datasource.url",
        "SPRING_DATASOURCE_USERNAME",
        "DATABASE_URL",
        "PGHOST",
        "PGHOSTADDR",
        "PGPORT",
        "PGCONNECT_TIMEOUT",
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
    ])
}

/// Settings that a connection string alone can state, and that pass validation.
pub(super) fn settings() -> impl Strategy<Value = Settings> {
    (vec(host(), 1..4), identity(), texts(), modes(), timeouts()).prop_map(
        |(hosts, identity, texts, modes, timeouts)| {
            let mut settings = Settings::for_hosts(hosts, identity);
            let uses_token = settings.identity.uses_token();
            [settings.user, settings.database, settings.application_name, settings.options] = texts;
            (settings.ssl_mode, settings.ssl_negotiation, settings.channel_binding) = modes.0;
            settings.target_session_attrs = modes.1;
            settings.load_balance_hosts = modes.2;
            settings.ssl_root_cert = modes.3.map(Into::into);
            (settings.connect_timeout, settings.tcp_user_timeout, settings.keepalives) = timeouts;
            if uses_token && settings.ssl_mode.is_weak() {
                settings.ssl_mode = SslMode::VerifyFull;
            }
            if settings.ssl_mode.is_weak() {
                settings.ssl_negotiation = SslNegotiation::Postgres;
            }
            if uses_token && settings.channel_binding == ChannelBinding::Require {
                settings.channel_binding = ChannelBinding::Disable;
            }
            settings
        },
    )
}

fn host() -> impl Strategy<Value = Host> {
    let name = prop_oneof![
        "[a-z][a-z0-9-]{0,10}(\\.[a-z]{1,5}){0,2}",
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
    ];
    (name, 1..u16::MAX, option::of(any::<IpAddr>())).prop_map(|(name, port, address)| {
        let host = Host::new(name, port);
        address.map_or(host.clone(), |address| host.with_address(address))
    })
}

fn identity() -> impl Strategy<Value = Identity> {
    prop_oneof![
        Just(Identity::SystemAssigned),
        text().prop_map(|password| Identity::Password(password.into())),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let text = nasty_text(1..16).prop_map(|text| text.replace('\0', "0"));
    text.prop_filter("not a placeholder", |text| check_resolved(text, false, "").is_ok())
}

fn texts() -> impl Strategy<Value = [Option<String>; 4]> {
    [option::of(text()), option::of(text()), option::of(text()), option::of(text())]
}

type Modes = ((SslMode, SslNegotiation, ChannelBinding), TargetSessionAttrs, bool, Option<String>);

fn modes() -> impl Strategy<Value = Modes> {
    let tls = (any_of::<SslMode>(), any_of::<SslNegotiation>(), any_of::<ChannelBinding>());
    (tls, any_of::<TargetSessionAttrs>(), any::<bool>(), option::of("/[a-z ]{1,9}\\.pem"))
}

fn any_of<T: Choice + std::fmt::Debug>() -> impl Strategy<Value = T> {
    select(T::NAMES).prop_map(|(_, value)| value)
}

type Timeouts = (Option<Duration>, Option<Duration>, Keepalives);

fn timeouts() -> impl Strategy<Value = Timeouts> {
    let seconds = || option::of((1..100_000_u64).prop_map(Duration::from_secs));
    let milliseconds = option::of((1..100_000_u64).prop_map(Duration::from_millis));
    let keepalives = (any::<bool>(), seconds(), seconds(), option::of(1..100_u32)).prop_map(
        |(enabled, idle, interval, retries)| Keepalives { enabled, idle, interval, retries },
    );
    (seconds(), milliseconds, keepalives)
}
