//! Every sample set of Service Connector's variables gives the settings that it stands for.

use std::{collections::BTreeMap, path::Path};

use postgres_entra::{
    Environment, Identity, Settings, UserAssignedId,
    settings::{Origin, SslMode},
    source::detect,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    id: String,
    client_type: String,
    auth_type: String,
    env: BTreeMap<String, String>,
    expected: Expected,
    #[serde(rename = "notes")]
    _notes: Option<String>,
    #[serde(rename = "basis")]
    _basis: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    host: String,
    port: u16,
    user: String,
    database: String,
    sslmode: String,
    auth: Auth,
    password: Option<String>,
    #[serde(default)]
    defaulted: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    kind: String,
    client_id: Option<String>,
    tenant_id: Option<String>,
    token_file: Option<String>,
    authority_host: Option<String>,
    #[serde(default)]
    has_secret: bool,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../vectors/service_connector.json")).unwrap()
}

#[test]
fn every_vector_gives_the_settings_it_stands_for() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 50);
    for Vector { id, client_type, auth_type, env, expected, .. } in vectors {
        assert_eq!(id, format!("{client_type}/{auth_type}"));
        let settings = Settings::from_vars(&env).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_connection(&id, &settings, &expected);
        assert_identity(&id, &settings, &expected, &env);
        assert_authority(&id, &settings, &expected.auth, env);
        assert_defaulted(&id, &settings, &expected);
    }
}

fn assert_connection(id: &str, settings: &Settings, expected: &Expected) {
    let [host] = settings.hosts() else { panic!("{id}: {:?}", settings.hosts()) };
    assert_eq!(host.name(), expected.host, "{id}");
    assert_eq!(host.port(), expected.port, "{id}");
    assert_eq!(settings.user(), Some(expected.user.as_str()), "{id}");
    assert_eq!(settings.database(), Some(expected.database.as_str()), "{id}");
    assert_eq!(expected.sslmode, "require", "{id}");
    assert_eq!(settings.ssl_mode(), SslMode::Require, "{id}");
}

fn assert_identity(
    id: &str,
    settings: &Settings,
    expected: &Expected,
    env: &BTreeMap<String, String>,
) {
    let auth = &expected.auth;
    let client_id = auth.client_id.clone().unwrap_or_default();
    let tenant_id = auth.tenant_id.clone().unwrap_or_default();
    let identity = match auth.kind.as_str() {
        "system_assigned_managed_identity" => Identity::SystemAssigned,
        "user_assigned_managed_identity" => {
            Identity::UserAssigned(UserAssignedId::ClientId(client_id))
        }
        "service_principal" => {
            let (_, secret) = env
                .iter()
                .find(|(name, _)| name.ends_with("CLIENTSECRET") || name.ends_with("client-secret"))
                .unwrap();
            Identity::service_principal(tenant_id, client_id, secret.as_str())
        }
        "workload_identity" => {
            Identity::workload(tenant_id, client_id, Path::new(auth.token_file.as_ref().unwrap()))
        }
        "password" => Identity::Password(expected.password.clone().unwrap().into()),
        other => panic!("{id}: {other}"),
    };
    assert_eq!(settings.identity(), &identity, "{id}");
    assert_eq!(matches!(identity, Identity::ServicePrincipal { .. }), auth.has_secret, "{id}");
}

/// Where the environment names an authority, tokens are asked for there, and nowhere else.
fn assert_authority(id: &str, settings: &Settings, auth: &Auth, mut env: BTreeMap<String, String>) {
    const VARIABLE: &str = "AZURE_AUTHORITY_HOST";
    assert_eq!(auth.authority_host.as_ref(), env.get(VARIABLE), "{id}");
    let Some(authority_host) = &auth.authority_host else { return };
    for url in [authority_host.as_str(), "https://login.example/"] {
        env.insert(VARIABLE.to_owned(), url.to_owned());
        let environment = Environment::from_vars(&env);
        let detected = detect(settings.identity(), settings.cloud(), &environment);
        let shown = format!("{:?}", detected.unwrap().expect("a source").source());
        let host = url.trim_start_matches("https://").trim_end_matches('/');
        assert!(shown.contains(&format!("{host:?}")), "{id}: {shown}");
    }
}

fn assert_defaulted(id: &str, settings: &Settings, expected: &Expected) {
    let origins: BTreeMap<_, _> = settings.origins().collect();
    for setting in ["port", "sslmode", "user", "dbname"] {
        let defaulted = expected.defaulted.iter().any(|name| name == setting);
        assert_eq!(origins[setting] == &Origin::Default, defaulted, "{id}: {setting}");
    }
}

#[test]
fn a_key_of_spring_is_read_in_every_spelling_of_the_platforms() {
    let spellings: [fn(&str) -> String; 4] = [
        |key| key.replace('.', "_"),
        |key| key.replace('.', "_").to_uppercase().replace('-', ""),
        |key| key.replace(['.', '-'], "_").to_uppercase(),
        |key| key.replace("client-managed-identity", "managed-identity"),
    ];
    let vectors = vectors();
    let spring = vectors.iter().filter(|vector| vector.id.starts_with("springBoot/"));
    for Vector { id, env, .. } in spring {
        let expected = Settings::from_vars(env).unwrap();
        for spell in spellings {
            let env: Vec<_> = env
                .iter()
                .map(|(name, value)| {
                    let spring = name.starts_with("spring.");
                    (if spring { spell(name) } else { name.clone() }, value)
                })
                .collect();
            assert_eq!(Settings::from_vars(env).unwrap(), expected, "{id}");
        }
    }
}

#[test]
fn a_second_connection_is_read_by_its_prefix_and_by_no_other() {
    for Vector { id, env, .. } in vectors() {
        if !env.keys().any(|name| name.starts_with("AZURE_POSTGRESQL_")) {
            continue;
        }
        let expected = Settings::from_vars(&env).unwrap();
        let second: Vec<_> = env
            .iter()
            .map(|(name, value)| {
                (name.replace("AZURE_POSTGRESQL_", "AZURE_POSTGRESQL_CONN2_"), value)
            })
            .collect();
        let read = Settings::from_vars_with_prefix(second.clone(), "AZURE_POSTGRESQL_CONN2");
        assert_eq!(read.unwrap(), expected, "{id}");
        let error = Settings::from_vars(second).unwrap_err();
        assert!(error.to_string().contains("no variable says"), "{id}: {error}");
    }
}

#[test]
fn no_secret_of_a_vector_is_shown() {
    for Vector { id, mut env, .. } in vectors() {
        for value in env.values_mut() {
            *value = value.replace("S3cret-Passw0rd", "MARKER");
            if value.starts_with("sp8~") {
                *value = "MARKER".to_owned();
            }
        }
        let settings = Settings::from_vars(&env).unwrap();
        let shown = format!("{settings:?} {:?}", settings.origins().collect::<Vec<_>>());
        assert!(!shown.contains("MARKER"), "{id}: {shown}");
    }
}

#[test]
fn no_value_is_shown_by_an_error_whichever_variable_is_broken() {
    let broken = [
        "MARKER",
        "'MARKER",
        "\"MARKER;",
        "a=MARKER'",
        "postgres://MARKER@x@h",
        "@Microsoft.KeyVault(MARKER)",
    ];
    let mut refused = 0;
    for Vector { id, env, .. } in vectors() {
        for (name, value) in env.keys().flat_map(|name| broken.map(|value| (name, value))) {
            let mut env = env.clone();
            env.insert(name.clone(), value.to_owned());
            let Err(error) = Settings::from_vars(env) else { continue };
            refused += 1;
            let cause = std::error::Error::source(&error).map(|cause| format!("{cause} {cause:?}"));
            let shown = format!("{error} {error:?} {cause:?}");
            assert!(!shown.contains("MARKER"), "{id}: {name}: {shown}");
        }
    }
    assert!(refused > 500, "{refused}");
}
