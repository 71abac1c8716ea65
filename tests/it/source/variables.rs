//! What the variables of identity services may hold.

use postgres_entra::{
    Cloud, ConfigError, Environment,
    source::{AppService, ClientSecret, Imds},
};

const ENDPOINT: (&str, &str) = ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token");
const HEADER: (&str, &str) = ("IDENTITY_HEADER", "hunter2");

fn app_service(vars: &[(&str, &str)]) -> ConfigError {
    AppService::from_environment(&Environment::from_vars(vars.iter().copied())).unwrap_err()
}

fn authority(url: &str) -> ConfigError {
    let environment = Environment::from_vars([("AZURE_AUTHORITY_HOST", url)]);
    let source = ClientSecret::new("tenant", "client", "secret").unwrap();
    source.in_environment(Cloud::Public, &environment).unwrap_err()
}

fn imds(url: &str) -> ConfigError {
    let environment = Environment::from_vars([("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)]);
    Imds::from_environment(&environment).unwrap_err()
}

#[test]
fn quotes_around_a_value_are_named_with_their_variable_and_without_the_value() {
    let cases = [
        ("IDENTITY_HEADER", app_service(&[ENDPOINT, ("IDENTITY_HEADER", "\"hunter2\"")])),
        ("IDENTITY_HEADER", app_service(&[ENDPOINT, ("IDENTITY_HEADER", "'hunter2'")])),
        (
            "IDENTITY_ENDPOINT",
            app_service(&[("IDENTITY_ENDPOINT", "\"http://127.0.0.1:1/msi/token\""), HEADER]),
        ),
        ("AZURE_AUTHORITY_HOST", authority("'https://login.microsoftonline.com'")),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", imds("`http://127.0.0.1:1`")),
    ];
    for (variable, error) in cases {
        assert_eq!(error.variable(), Some(variable));
        assert!(error.hint().contains("remove the quotes"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn an_invisible_character_beside_a_value_is_named_by_its_number() {
    let header = app_service(&[ENDPOINT, ("IDENTITY_HEADER", "\u{feff}hunter2")]);
    assert!(header.to_string().contains("U+FEFF"), "{header}");
    let authority = authority("https://login.microsoftonline.com\u{200b}");
    assert!(authority.to_string().contains("U+200B"), "{authority}");
    let imds = imds("\u{a0}http://127.0.0.1:1");
    assert!(imds.to_string().contains("U+00A0"), "{imds}");
}
