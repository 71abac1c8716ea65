//! Properties of the grammars that hold for all settings and all texts.

mod strategies;
mod writers;

use proptest::prelude::*;

use super::{Choice, Host, Settings, connection_string};
use crate::identity::Identity;
use strategies::{nasty_text, settings, variable};

/// Reads a connection string back, beside the variables that state no more than the identity.
fn read(text: String) -> Settings {
    Settings::from_vars([("AZURE_POSTGRESQL_CONNECTIONSTRING", text)]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_keyword_value_string_reads_back_the_same(settings in settings()) {
        prop_assert_eq!(read(writers::keyword_value(&settings)), settings);
    }

    #[test]
    fn a_uri_reads_back_the_same(settings in settings()) {
        prop_assert_eq!(read(writers::uri(&settings)), settings);
    }

    #[test]
    fn a_jdbc_url_reads_back_the_same(settings in settings()) {
        let settings = writers::expressible_in_jdbc(settings);
        prop_assert_eq!(read(writers::jdbc_url(&settings)), settings);
    }

    #[test]
    fn an_ado_net_string_reads_back_the_same(settings in settings()) {
        let settings = writers::expressible_in_ado_net(settings);
        prop_assert_eq!(read(writers::ado_net(&settings)), settings);
    }

    #[test]
    fn split_variables_read_back_the_same(settings in settings()) {
        let host = &settings.hosts()[0];
        let mut expected = Settings::for_hosts(
            vec![Host::new(host.name(), host.port())],
            Identity::Password("x".into()),
        );
        expected.ssl_mode = settings.ssl_mode();
        let read = Settings::from_vars([
            ("AZURE_POSTGRESQL_HOST", host.name().to_owned()),
            ("AZURE_POSTGRESQL_PORT", host.port().to_string()),
            ("AZURE_POSTGRESQL_SSL", settings.ssl_mode().name().to_owned()),
            ("AZURE_POSTGRESQL_PASSWORD", "x".to_owned()),
        ]);
        prop_assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn no_text_makes_a_grammar_panic(text in nasty_text(0..60)) {
        for start in
            ["", "postgres://", "jdbc:postgresql:", "jdbc:postgresql://", "Host=", "host=", "a=';"]
        {
            let _ = connection_string::parse(&format!("{start}{text}"), "TEST");
        }
    }

    #[test]
    fn no_variables_make_the_reading_panic(
        vars in proptest::collection::vec((variable(), nasty_text(0..20)), 0..8),
    ) {
        let _ = Settings::from_vars(vars.clone());
        let _ = Settings::from_vars_with_prefix(vars, "AZURE_POSTGRESQL_CONN2");
    }

    #[test]
    fn a_password_is_never_shown(
        secret in "[A-Z]{12}",
        before in nasty_text(0..20),
        after in nasty_text(0..20),
    ) {
        for text in [
            format!("host=h user=u password={before}{secret}{after}"),
            format!("postgres://u:{before}{secret}{after}@h/d"),
            format!("jdbc:postgresql://h/d?user=u&password={before}{secret}{after}"),
            format!("Host=h;User Id=u;Password={before}{secret}{after}"),
        ] {
            let shown = match Settings::from_vars([("DATABASE_URL", text)]) {
                Ok(settings) => format!("{settings:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}
