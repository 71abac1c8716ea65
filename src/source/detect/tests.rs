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
fn the_older_endpoints_are_known_by_their_variables() {
    let cases = [
        (&[ENDPOINT, ("IMDS_ENDPOINT", "http://x")][..], "Azure Arc"),
        (&[("MSI_ENDPOINT", "http://x"), ("MSI_SECRET", "y")], "MSI endpoint"),
        (&[("MSI_ENDPOINT", "http://x")], "Cloud Shell"),
        (&[HEADER, ("MSI_ENDPOINT", "http://x")], "Cloud Shell"),
    ];
    for (vars, name) in cases {
        let detected = choose(&Identity::SystemAssigned, vars).unwrap().unwrap();
        assert_eq!(detected.source().name(), name);
    }
    let named = Identity::UserAssigned(UserAssignedId::ClientId("id".into()));
    let error = choose(&named, &[("MSI_ENDPOINT", "http://x")]).unwrap_err();
    assert_eq!(
        (error.kind(), error.variable()),
        (ConfigErrorKind::Unsupported, Some("MSI_ENDPOINT"))
    );
    let by_object = Identity::UserAssigned(UserAssignedId::ObjectId("id".into()));
    let older = [("MSI_ENDPOINT", "http://x"), ("MSI_SECRET", "y")];
    assert_eq!(choose(&by_object, &older).unwrap_err().kind(), ConfigErrorKind::Unsupported);
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
fn an_identity_binding_of_aks_is_followed_or_what_it_lacks_is_named() {
    let identity = Identity::workload("t", "c", "/var/run/token");
    let proxy = ("AZURE_KUBERNETES_TOKEN_PROXY", "https://10.0.0.1");
    let detected = choose(&identity, &[proxy, ("AZURE_KUBERNETES_CA_FILE", "/ca.pem")]).unwrap();
    assert_eq!(detected.unwrap().source().name(), "workload identity");
    let error = choose(&identity, &[proxy]).unwrap_err();
    let missing = (ConfigErrorKind::Missing, Some("AZURE_KUBERNETES_CA_FILE"));
    assert_eq!((error.kind(), error.variable()), missing);
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

const CHOICE: &str = "AZURE_TOKEN_CREDENTIALS";

fn all_identities() -> [Identity; 4] {
    [
        Identity::SystemAssigned,
        Identity::UserAssigned(UserAssignedId::ClientId("id".into())),
        Identity::service_principal("t", "c", "hunter2"),
        Identity::workload("t", "c", "/var/run/token"),
    ]
}

const AZURE_VARIABLES: [(&str, &str); 4] = [
    ("AZURE_TENANT_ID", "tenant"),
    ("AZURE_CLIENT_ID", "client"),
    ("AZURE_CLIENT_SECRET", "hunter2"),
    ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/token"),
];

#[test]
fn the_variable_of_the_azure_sdks_chooses_whatever_the_settings_state() {
    let cases = [
        ("EnvironmentCredential", "client secret"),
        ("workloadidentitycredential", "workload identity"),
        (" MANAGEDIDENTITYCREDENTIAL ", "App Service"),
        #[cfg(feature = "azure-identity")]
        ("dev", "developer tools"),
        #[cfg(feature = "azure-identity")]
        ("AzureCliCredential", "Azure CLI"),
        #[cfg(feature = "azure-identity")]
        ("AzureDeveloperCliCredential", "Azure Developer CLI"),
    ];
    for (choice, source) in cases {
        for identity in all_identities() {
            let vars = [&AZURE_VARIABLES[..], &[ENDPOINT, HEADER, (CHOICE, choice)]].concat();
            let detected = choose(&identity, &vars).unwrap().unwrap();
            assert_eq!(detected.source().name(), source, "{choice} {identity:?}");
            let reason = detected.reason();
            assert!(reason.starts_with("AZURE_TOKEN_CREDENTIALS asks for "), "{reason}");
            assert!(!format!("{detected:?}").contains("hunter2"));
        }
    }
}

#[test]
fn production_and_no_choice_are_the_same_source() {
    for identity in all_identities() {
        for vars in [&[][..], &[ENDPOINT, HEADER]] {
            let unset = choose(&identity, vars).unwrap().unwrap();
            let prod = choose(&identity, &[vars, &[(CHOICE, "prod")]].concat()).unwrap().unwrap();
            assert_eq!(prod.source().name(), unset.source().name());
            assert!(prod.reason().ends_with(unset.reason()), "{}", prod.reason());
        }
    }
}

#[test]
fn a_choice_does_nothing_against_a_password() {
    for choice in ["dev", "ManagedIdentityCredential", "nonsense"] {
        let password = Identity::Password("hunter2".into());
        assert!(choose(&password, &[(CHOICE, choice)]).unwrap().is_none());
    }
}

#[test]
fn what_is_unknown_or_unsupported_lists_what_is_supported_and_shows_no_value() {
    for choice in
        ["nonsense", "AzurePowerShellCredential", "VisualStudioCodeCredential", "dev,prod"]
    {
        let error = choose(&Identity::SystemAssigned, &[(CHOICE, choice)]).unwrap_err();
        assert_eq!(error.variable(), Some(CHOICE));
        let text = error.to_string();
        assert!(text.contains("dev, prod, EnvironmentCredential"), "{text}");
        assert!(!text.contains("nonsense") && !text.contains("PowerShell"), "{text}");
    }
}

#[test]
fn a_credential_whose_variables_are_missing_names_the_first() {
    let cases = [
        ("EnvironmentCredential", 2, "AZURE_CLIENT_SECRET"),
        ("EnvironmentCredential", 0, "AZURE_TENANT_ID"),
        ("WorkloadIdentityCredential", 1, "AZURE_CLIENT_ID"),
        ("WorkloadIdentityCredential", 3, "AZURE_FEDERATED_TOKEN_FILE"),
    ];
    for (choice, number, missing) in cases {
        let others = AZURE_VARIABLES[..number].iter().copied();
        let vars: Vec<_> = others.chain([(CHOICE, choice)]).collect();
        let error = choose(&Identity::SystemAssigned, &vars).unwrap_err();
        assert_eq!(error.variable(), Some(CHOICE));
        assert!(error.to_string().contains(&format!("needs {missing}")), "{error}");
    }
}

#[test]
fn a_managed_identity_that_is_asked_for_is_that_of_the_settings_or_of_the_variable() {
    let choice = (CHOICE, "ManagedIdentityCredential");
    let client = ("AZURE_CLIENT_ID", "of-the-variable");
    let shown = |identity: &Identity, vars: &[(&str, &str)]| {
        format!("{:?}", choose(identity, vars).unwrap().unwrap().source())
    };
    let [system, user, principal, _] = all_identities();
    assert!(shown(&principal, &[choice, client]).contains("of-the-variable"));
    assert!(shown(&principal, &[choice]).contains("identity: None"));
    assert!(shown(&user, &[choice, client]).contains("\"id\""));
    assert!(shown(&system, &[choice, client]).contains("identity: None"));
    // A certificate is not what was asked for.
    let certificate = ("AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem");
    let own = Identity::UserAssigned(UserAssignedId::ClientId("of-the-variable".into()));
    shown(&own, &[choice, client, certificate, ("AZURE_TENANT_ID", "t")]);
}

#[cfg(not(feature = "azure-identity"))]
#[test]
fn developer_tools_name_the_feature_that_they_need() {
    for choice in ["dev", "AzureCliCredential", "AzureDeveloperCliCredential"] {
        let error = choose(&Identity::SystemAssigned, &[(CHOICE, choice)]).unwrap_err();
        assert!(error.to_string().contains("feature `azure-identity`"), "{error}");
        assert_eq!(error.variable(), Some(CHOICE));
    }
}
