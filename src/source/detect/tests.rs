use super::*;

fn choose(identity: &Identity, vars: &[(&str, &str)]) -> Result<Option<Detected>, ConfigError> {
    detect(identity, Cloud::Public, &Environment::from_vars(vars.iter().copied()))
}

const ENDPOINT: (&str, &str) = ("IDENTITY_ENDPOINT", "http://127.0.0.1:41042/msi/token");
const HEADER: (&str, &str) = ("IDENTITY_HEADER", "hunter2");

#[test]
fn each_identity_and_environment_has_its_source() {
    let managed =
        [Identity::SystemAssigned, Identity::UserAssigned(UserAssignedId::ClientId("id".into()))];
    for identity in &managed {
        for (vars, name, reason) in [
            (&[][..], "IMDS", "neither IDENTITY_ENDPOINT nor MSI_ENDPOINT is set"),
            (
                &[("IMDS_ENDPOINT", "http://x")],
                "IMDS",
                "neither IDENTITY_ENDPOINT nor MSI_ENDPOINT is set",
            ),
            (&[ENDPOINT, HEADER], "App Service", "IDENTITY_ENDPOINT and IDENTITY_HEADER are set"),
            (
                &[ENDPOINT, HEADER, ("MSI_ENDPOINT", "http://x"), ("MSI_SECRET", "y")],
                "App Service",
                "IDENTITY_ENDPOINT and IDENTITY_HEADER are set",
            ),
        ] {
            let detected = choose(identity, vars).unwrap().unwrap();
            assert_eq!((detected.source().name(), detected.reason()), (name, reason));
        }
    }
}

#[test]
fn what_the_settings_state_wins_over_the_platform() {
    let secret = Identity::service_principal("t", "c", "hunter2");
    let workload = Identity::workload("t", "c", "/var/run/token");
    for (identity, name) in [(secret, "client secret"), (workload, "workload identity")] {
        let detected = choose(&identity, &[ENDPOINT, HEADER]).unwrap().unwrap();
        assert_eq!(detected.source().name(), name);
        assert!(!format!("{detected:?}").contains("hunter2"), "{detected:?}");
    }
}

#[test]
fn a_password_needs_no_source() {
    assert!(choose(&Identity::Password("hunter2".into()), &[ENDPOINT]).unwrap().is_none());
}

#[test]
fn a_platform_without_support_is_named_and_never_taken_for_imds() {
    let cases = [
        (
            &[ENDPOINT, HEADER, ("IDENTITY_SERVER_THUMBPRINT", "ab")][..],
            "Service Fabric",
            "principal",
        ),
        (&[ENDPOINT, ("IMDS_ENDPOINT", "http://x")], "Azure Arc", "source::Credential"),
        (&[("MSI_ENDPOINT", "http://x"), ("MSI_SECRET", "y")], "Machine Learning", "principal"),
        (&[("MSI_ENDPOINT", "http://x")], "Cloud Shell", "source::DeveloperTools"),
        (
            &[ENDPOINT, HEADER, ("IDENTITY_SERVER_THUMBPRINT", "ab"), ("MSI_SECRET", "y")],
            "Fabric",
            "principal",
        ),
    ];
    for (vars, platform, fix) in cases {
        let error = choose(&Identity::SystemAssigned, vars).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Unsupported);
        assert!(error.to_string().contains(platform), "{error}");
        assert!(error.fix().contains(fix), "{error}");
    }
}

#[test]
fn one_variable_of_the_pair_alone_names_the_other() {
    for (set, missing) in [(ENDPOINT, "IDENTITY_HEADER"), (HEADER, "IDENTITY_ENDPOINT")] {
        let error = choose(&Identity::SystemAssigned, &[set]).unwrap_err();
        assert_eq!((error.kind(), error.variable()), (ConfigErrorKind::Missing, Some(missing)));
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn an_identity_binding_of_aks_is_recognised() {
    for variable in ["AZURE_KUBERNETES_TOKEN_PROXY", "AZURE_KUBERNETES_CA_DATA"] {
        let identity = Identity::workload("t", "c", "/var/run/token");
        let error = choose(&identity, &[(variable, "https://proxy")]).unwrap_err();
        assert_eq!(
            (error.kind(), error.variable()),
            (ConfigErrorKind::Unsupported, Some(variable))
        );
        assert!(error.fix().contains("source::Credential"), "{error}");
    }
}

#[test]
fn a_bad_address_names_its_variable() {
    let secret = Identity::service_principal("t", "c", "s");
    for (identity, variable, url) in [
        (&Identity::SystemAssigned, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "https://secure"),
        (&secret, "AZURE_AUTHORITY_HOST", "http://login.example"),
    ] {
        let error = choose(identity, &[(variable, url)]).unwrap_err();
        assert_eq!(error.variable(), Some(variable));
        assert!(!error.to_string().contains(url), "{error}");
    }
    let error =
        choose(&Identity::SystemAssigned, &[("IDENTITY_ENDPOINT", "https://secure"), HEADER])
            .unwrap_err();
    assert_eq!(
        (error.kind(), error.variable()),
        (ConfigErrorKind::Unsupported, Some("IDENTITY_ENDPOINT"))
    );
}
