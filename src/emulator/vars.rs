//! The variables that Service Connector and the platforms set.

use super::{ClientType, LocalAzure, Login, Platform, identity::SNI_NAME, principals::TENANT_ID};

type Vars = Vec<(String, String)>;

/// What the values are made of.
struct Facts<'a> {
    azure: &'a LocalAzure,
    login: Login,
    host: &'a str,
    port: u16,
    database: &'a str,
    user: &'a str,
}

/// All variables of one application: the connection's, then the platform's, then those that lead to
/// this machine in place of Azure.
pub(crate) fn of(azure: &LocalAzure, login: Login, client: ClientType) -> Vars {
    let server = azure.server();
    let facts = Facts {
        azure,
        login,
        host: server.host(),
        port: server.port(),
        database: server.database(),
        user: server.role(login),
    };
    let mut vars = facts.connection(client);
    vars.extend(facts.platform());
    vars.extend(facts.local(client));
    vars
}

/// The same with what the Azure SDKs need in addition, in place of what they don't take.
pub(crate) fn for_azure_sdks(azure: &LocalAzure, login: Login, client: ClientType) -> Vars {
    let mut vars = of(azure, login, client);
    let service = azure.identity_service();
    for (name, value) in &mut vars {
        if name == "AZURE_AUTHORITY_HOST" {
            *value = format!("{}/", service.https_url());
        }
    }
    if login.has_client_secret() {
        vars.extend(pairs([
            ("AZURE_CLIENT_ID", login.client_id().unwrap_or_default()),
            ("AZURE_CLIENT_SECRET", service.client_secret(login)),
            ("AZURE_TENANT_ID", TENANT_ID),
        ]));
    }
    let authorities = azure.server().ca_bundle().to_string_lossy();
    vars.extend(pairs([
        ("SSL_CERT_FILE", &authorities),
        ("REQUESTS_CA_BUNDLE", &authorities),
        ("NODE_EXTRA_CA_CERTS", &azure.ca_certificate().to_string_lossy()),
    ]));
    vars
}

impl Facts<'_> {
    /// As in the table of
    /// [Service Connector](https://learn.microsoft.com/azure/service-connector/how-to-integrate-postgres).
    fn connection(&self, client: ClientType) -> Vars {
        let Self { host, port, database, user, .. } = self;
        match client {
            ClientType::DotNet => self.string(
                format!(
                    "Server={host};Database={database};Port={port};Ssl Mode=Require;User Id={user};"
                ),
                |password| format!("Password={password};"),
            ),
            ClientType::Java => self.string(
                format!("jdbc:postgresql://{host}:{port}/{database}?sslmode=require&user={user}"),
                |password| format!("&password={password}"),
            ),
            ClientType::SpringBoot => self.spring_boot(),
            ClientType::Python => self.string(
                format!("dbname={database} host={host} port={port} sslmode=require user={user}"),
                |password| format!(" password={password}"),
            ),
            ClientType::Go => self.string(
                format!("host={host} dbname={database} sslmode=require user={user}"),
                |password| format!(" password={password}"),
            ),
            ClientType::Php | ClientType::Ruby => self.string(
                format!("host={host} port={port} dbname={database} sslmode=require user={user}"),
                |password| format!(" password={password}"),
            ),
            ClientType::Django => {
                self.fields(&[("NAME", database), ("HOST", host), ("USER", user)])
            }
            ClientType::NodeJs => self.fields_with_port("USER"),
            ClientType::Other => self.fields_with_port("USERNAME"),
        }
    }

    fn string(&self, text: String, password: impl Fn(&str) -> String) -> Vars {
        let password = self.password().map(password).unwrap_or_default();
        self.fields_without_password(&[("CONNECTIONSTRING", &(text + &password))])
    }

    fn fields_with_port(&self, user: &str) -> Vars {
        let port = self.port.to_string();
        self.fields(&[
            ("HOST", self.host),
            (user, self.user),
            ("DATABASE", self.database),
            ("PORT", &port),
            ("SSL", "true"),
        ])
    }

    fn fields(&self, fields: &[(&str, &str)]) -> Vars {
        let mut vars = self.fields_without_password(fields);
        vars.extend(self.password().map(|password| variable("PASSWORD", password)));
        vars
    }

    fn fields_without_password(&self, fields: &[(&str, &str)]) -> Vars {
        let fields = fields.iter().map(|(name, value)| variable(name, value));
        fields
            .chain(self.identity().into_iter().map(|(name, value)| variable(name, value)))
            .collect()
    }

    /// The keys that tell an application which identity to use.
    fn identity(&self) -> Vec<(&'static str, &str)> {
        let client_id = self.login.client_id().unwrap_or_default();
        match self.login {
            Login::UserAssigned(_) | Login::WorkloadIdentity | Login::IdentityBinding => {
                vec![("CLIENTID", client_id)]
            }
            Login::ServicePrincipal | Login::Administrator => vec![
                ("CLIENTID", client_id),
                ("CLIENTSECRET", self.client_secret()),
                ("TENANTID", TENANT_ID),
            ],
            Login::SystemAssigned(_) | Login::CloudShell | Login::Password => Vec::new(),
        }
    }

    fn spring_boot(&self) -> Vars {
        let Self { host, port, database, user, .. } = self;
        let mut vars = Vars::new();
        let mut set = |name: &str, value: &str| vars.push((name.to_owned(), value.to_owned()));
        if self.password().is_none() {
            set("spring.datasource.azure.passwordless-enabled", "true");
        }
        for (name, value) in self.identity() {
            match name {
                "CLIENTID" => set("spring.cloud.azure.credential.client-id", value),
                "CLIENTSECRET" => set("spring.cloud.azure.credential.client-secret", value),
                _ => set("spring.cloud.azure.credential.tenant-id", value),
            }
        }
        let is_federated = matches!(self.login, Login::WorkloadIdentity | Login::IdentityBinding);
        if is_federated || matches!(self.login, Login::UserAssigned(_)) {
            set("spring.cloud.azure.credential.client-managed-identity-enabled", "true");
        }
        let url = format!("jdbc:postgresql://{host}:{port}/{database}?sslmode=require");
        set("spring.datasource.url", &url);
        set("spring.datasource.username", user);
        if let Some(password) = self.password() {
            set("spring.datasource.password", password);
        }
        vars
    }

    /// What the platform sets for the identity itself.
    fn platform(&self) -> Vars {
        let service = self.azure.identity_service();
        let base = service.base_url();
        match self.login {
            Login::SystemAssigned(platform) | Login::UserAssigned(platform) => {
                self.managed_identity(platform)
            }
            Login::ServicePrincipal | Login::Administrator => {
                pairs([("AZURE_AUTHORITY_HOST", base)])
            }
            Login::WorkloadIdentity => self.federation(),
            Login::IdentityBinding => {
                let proxy = service.token_proxy();
                let mut vars = self.federation();
                vars.extend(pairs([
                    ("AZURE_KUBERNETES_TOKEN_PROXY", &proxy.url()),
                    ("AZURE_KUBERNETES_SNI_NAME", SNI_NAME),
                    ("AZURE_KUBERNETES_CA_FILE", &proxy.ca_file().to_string_lossy()),
                ]));
                vars
            }
            Login::CloudShell => pairs([("MSI_ENDPOINT", &format!("{base}/oauth2/token"))]),
            Login::Password => Vars::new(),
        }
    }

    /// The endpoint of a managed identity, in the variables of its platform.
    fn managed_identity(&self, platform: Platform) -> Vars {
        let service = self.azure.identity_service();
        let (base, secret) = (service.base_url(), service.identity_header());
        match platform {
            Platform::AppService => pairs([
                ("IDENTITY_ENDPOINT", &format!("{base}/msi/token")),
                ("IDENTITY_HEADER", secret),
            ]),
            Platform::OlderAppService => {
                pairs([("MSI_ENDPOINT", &format!("{base}/msi/token")), ("MSI_SECRET", secret)])
            }
            Platform::VirtualMachine => pairs([("AZURE_POD_IDENTITY_AUTHORITY_HOST", base)]),
            Platform::ContainerInstances => pairs([
                (
                    "IDENTITY_ENDPOINT",
                    &format!(
                        "{base}/container-instances/metadata/identity/oauth2/token?api-version=1.0"
                    ),
                ),
                ("IDENTITY_HEADER", secret),
            ]),
            Platform::AzureArc => pairs([
                ("IDENTITY_ENDPOINT", &format!("{base}/arc/metadata/identity/oauth2/token")),
                ("IMDS_ENDPOINT", &format!("{base}/arc")),
            ]),
            Platform::MachineLearning => {
                pairs([("MSI_ENDPOINT", &format!("{base}/MSI/auth")), ("MSI_SECRET", secret)])
            }
        }
    }

    /// What AKS sets for a pod whose service account is federated.
    fn federation(&self) -> Vars {
        let service = self.azure.identity_service();
        let file = service.federated_token_file(self.login);
        pairs([
            ("AZURE_CLIENT_ID", self.login.client_id().unwrap_or_default()),
            ("AZURE_TENANT_ID", TENANT_ID),
            ("AZURE_FEDERATED_TOKEN_FILE", &file.to_string_lossy()),
            ("AZURE_AUTHORITY_HOST", &format!("{}/", service.base_url())),
        ])
    }

    /// What leads to the server on this machine.
    fn local(&self, client: ClientType) -> Vars {
        let server = self.azure.server();
        let mut vars = pairs([
            ("PGHOSTADDR", &server.hostaddr().to_string()),
            ("PGSSLROOTCERT", &self.azure.ca_certificate().to_string_lossy()),
        ]);
        if !client.names_port() {
            vars.extend(pairs([("PGPORT", &self.port.to_string())]));
        }
        vars
    }

    fn password(&self) -> Option<&str> {
        (self.login == Login::Password).then(|| self.azure.server().role_password())
    }

    fn client_secret(&self) -> &str {
        self.azure.identity_service().client_secret(self.login)
    }
}

/// A variable of the connection, under the prefix of Service Connector.
fn variable(name: &str, value: &str) -> (String, String) {
    (format!("AZURE_POSTGRESQL_{name}"), value.to_owned())
}

fn pairs<const N: usize>(vars: [(&str, &str); N]) -> Vars {
    vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
