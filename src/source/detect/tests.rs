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
            // What Azure Container Instances set on Linux.
            (
                &[
                    HEADER,
                    ("IDENTITY_SERVER_THUMBPRINT", "ab"),
                    ("IDENTITY_API_VERSION", "2020-05-01"),
                ],
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
        (&[HEADER, ("MSI_ENDPOINT", "http://x")], "Cloud Shell", "source::DeveloperTools"),
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
        assert!(error.hint().contains(fix), "{error}");
    }
}

#[test]
fn an_endpoint_without_its_header_names_the_header() {
    let error = choose(&Identity::SystemAssigned, &[ENDPOINT]).unwrap_err();
    let missing = (ConfigErrorKind::Missing, Some("IDENTITY_HEADER"));
    assert_eq!((error.kind(), error.variable()), missing);
}

#[test]
fn an_application_with_a_certificate_is_not_taken_for_a_managed_identity() {
    let certificate = [
        ("AZURE_CLIENT_ID", " app "),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/hunter2.pem"),
    ];
    let application = Identity::UserAssigned(UserAssignedId::ClientId("app".into()));
    let error = choose(&application, &certificate).unwrap_err();
    let unsupported = (ConfigErrorKind::Unsupported, Some("AZURE_CLIENT_CERTIFICATE_PATH"));
    assert_eq!((error.kind(), error.variable()), unsupported);
    assert!(error.hint().contains("ClientCertificateCredential"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");

    let other = Identity::UserAssigned(UserAssignedId::ClientId("own".into()));
    for (identity, vars) in [
        (&other, &certificate[..]),
        (&Identity::SystemAssigned, &certificate),
        (&application, &certificate[..2]),
    ] {
        assert_eq!(choose(identity, vars).unwrap().unwrap().source().name(), "IMDS", "{vars:?}");
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
        assert!(error.hint().contains("source::Credential"), "{error}");
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
