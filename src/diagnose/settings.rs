//! What is known before anything is asked: the settings and the identity.

use super::{
    report::{Step, StepName},
    running::Running,
    value::Value,
};
use crate::{
    cache::TokenCache,
    config::{Choice, Host, Origin, Settings},
    connector::Connector,
    identity::{Identity, UserAssignedId},
};

/// Each setting with the variable that it was read from.
pub(super) fn settings(settings: &Settings) -> Step {
    let mut step = Running::start(StepName::Settings);
    let values = values(settings);
    for (name, value) in &values {
        let origin = origin(settings, name).map_or("set in code".to_owned(), Origin::to_string);
        value.iter().for_each(|value| step.setting(name, value.clone(), &origin));
    }
    // The others may hold anything, so their values are not shown.
    for (name, origin) in settings.origins() {
        let listed = name == "identity" || values.iter().any(|(listed, _)| *listed == name);
        if let (false, Origin::Variable(variable)) = (listed, origin) {
            step.setting(name, "set", variable);
        }
    }
    step.passed()
}

/// The variable that says who logs in, if one does.
pub(super) fn identity_variable(settings: &Settings) -> Option<&str> {
    match origin(settings, "identity") {
        Some(Origin::Variable(name)) => Some(name),
        _ => None,
    }
}

/// Where this setting was read from.
pub(super) fn origin<'a>(settings: &'a Settings, name: &str) -> Option<&'a Origin> {
    settings.origins().find_map(|(known, origin)| (known == name).then_some(origin))
}

/// The settings that lead to the server, in libpq's names.
fn values(settings: &Settings) -> [(&'static str, Option<Value>); 8] {
    let hosts = || settings.hosts().iter();
    [
        ("host", Value::list(hosts().map(Host::name))),
        (
            "hostaddr",
            Value::list(hosts().filter_map(Host::address).map(|address| address.to_string())),
        ),
        ("port", Value::list(hosts().map(Host::port))),
        ("dbname", settings.database().map(Value::from)),
        ("user", settings.user().map(Value::from)),
        ("sslmode", Some(settings.ssl_mode().name().into())),
        ("sslrootcert", settings.ssl_root_cert().map(|file| file.display().to_string().into())),
        ("connect_timeout", settings.connect_timeout().map(Value::Duration)),
    ]
}

/// Who logs in, with which source, and why that one.
pub(super) fn identity(connector: &Connector) -> Step {
    let mut step = Running::start(StepName::Identity);
    let settings = connector.settings();
    describe(settings.identity(), &mut step);
    step.known("from", origin(settings, "identity").map(Origin::to_string));
    step.known("source", connector.token_cache().map(TokenCache::source_name));
    step.detail("because", connector.login_reason());
    step.passed()
}

fn describe(identity: &Identity, step: &mut Running) {
    match identity {
        Identity::SystemAssigned => step.detail("kind", "system-assigned managed identity"),
        Identity::UserAssigned(id) => {
            step.detail("kind", "user-assigned managed identity");
            match id {
                UserAssignedId::ClientId(id) => step.detail("client_id", id),
                UserAssignedId::ObjectId(id) => step.detail("object_id", id),
                UserAssignedId::ResourceId(id) => step.detail("resource_id", id),
            }
        }
        Identity::ServicePrincipal { tenant_id, client_id, .. } => {
            step.detail("kind", "service principal with a client secret");
            step.detail("tenant_id", tenant_id);
            step.detail("client_id", client_id);
        }
        Identity::WorkloadIdentity { tenant_id, client_id, token_file } => {
            step.detail("kind", "workload identity");
            step.detail("tenant_id", tenant_id);
            step.detail("client_id", client_id);
            step.detail("token_file", token_file.display().to_string());
        }
        Identity::Password(_) => step.detail("kind", "role with a password"),
    }
}
