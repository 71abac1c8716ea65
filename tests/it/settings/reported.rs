//! Environments from public reports, and others of their kinds, each with the outcome that is right.

use std::collections::BTreeMap;

use postgres_entra::{ConfigError, Identity, Settings};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    name: String,
    kind: String,
    env: BTreeMap<String, String>,
    expected: Option<Expected>,
    expected_error: Option<ExpectedError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    host: String,
    #[serde(default = "default_port")]
    port: u16,
    user: String,
    database: Option<String>,
    options: Option<String>,
    identity: Option<String>,
    password: Option<String>,
}

fn default_port() -> u16 {
    5432
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedError {
    kind: String,
    variable: Option<String>,
    /// One of these, in any case.
    text_mentions: Option<String>,
}

fn reports() -> Vec<Report> {
    serde_json::from_str(include_str!("../../vectors/reported_environments.json")).unwrap()
}

#[test]
fn every_reported_environment_has_the_outcome_that_is_right() {
    for Report { name, kind, env, expected, expected_error } in reports() {
        let name = format!("{kind}: {name}");
        match (Settings::from_vars(&env), expected, expected_error) {
            (Ok(settings), Some(expected), None) => assert_settings(&name, &settings, &expected),
            (Err(error), None, Some(expected)) => assert_error(&name, &error, &expected),
            (outcome, ..) => panic!("{name}: {outcome:?}"),
        }
    }
}

fn assert_settings(name: &str, settings: &Settings, expected: &Expected) {
    let [host] = settings.hosts() else { panic!("{name}: {:?}", settings.hosts()) };
    assert_eq!((host.name(), host.port()), (expected.host.as_str(), expected.port), "{name}");
    assert_eq!(settings.user(), Some(expected.user.as_str()), "{name}");
    assert_eq!(settings.options(), expected.options.as_deref(), "{name}");
    if expected.database.is_some() {
        assert_eq!(settings.database(), expected.database.as_deref(), "{name}");
    }
    match settings.identity() {
        Identity::Password(password) => {
            assert_eq!(expected.identity.as_deref(), Some("password"), "{name}");
            assert_eq!(password.expose(), expected.password.as_deref().unwrap(), "{name}");
        }
        _ => assert_eq!(expected.identity, None, "{name}"),
    }
}

fn assert_error(name: &str, error: &ConfigError, expected: &ExpectedError) {
    assert_eq!(format!("{:?}", error.kind()), expected.kind, "{name}: {error}");
    if expected.variable.is_some() {
        assert_eq!(error.variable(), expected.variable.as_deref(), "{name}: {error}");
    }
    let text = error.to_string().to_lowercase();
    let mentions = expected.text_mentions.iter().flat_map(|texts| texts.split('|'));
    let mentions: Vec<_> = mentions.map(str::to_lowercase).collect();
    let is_named = mentions.is_empty() || mentions.iter().any(|wanted| text.contains(wanted));
    assert!(is_named, "{name}: {mentions:?}: {error}");
}

#[test]
fn every_kind_has_five_brothers() {
    let mut kinds = BTreeMap::<_, usize>::new();
    for report in reports() {
        *kinds.entry(report.kind).or_default() += 1;
    }
    for (kind, count) in kinds {
        assert!(count >= 6, "{kind}: {count}");
    }
}

#[test]
fn no_error_shows_a_value() {
    let secret = "Hunter2Hunter2";
    for Report { name, mut env, .. } in reports() {
        for value in env.values_mut() {
            for known in ["Pw1", "Pa;ss", "7M+r", "scram-sha-256"] {
                *value = value.replace(known, secret);
            }
        }
        if let Err(error) = Settings::from_vars(&env) {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(secret), "{name}: {shown}");
        }
    }
}
