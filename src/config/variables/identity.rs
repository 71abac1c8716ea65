//! Who logs in, as the variables say it.

use super::{Variable, Variables, libpq::PGPASSWORD, spring};
use crate::{
    config::parameters::Parameters,
    error::{ConfigError, ConfigErrorKind},
    identity::{Identity, UserAssignedId},
    secret::Secret,
};

/// Where the connection's parameters come from, which decides who may state its identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Provenance {
    /// Service Connector's variables.
    ServiceConnector,
    /// Service Connector's variables for Spring Boot.
    Spring,
    /// Aspire's variables of a resource.
    Aspire,
    /// `DATABASE_URL` and libpq's variables.
    Libpq,
}

/// An identity, and the variable that decided for it.
pub(in crate::config) struct Decision {
    pub(in crate::config) identity: Identity,
    pub(in crate::config) variable: Option<String>,
    /// The variables of the tenant and client id, where the identity has them.
    pub(in crate::config) tenant_variable: Option<String>,
    pub(in crate::config) client_variable: Option<String>,
    /// The variable of an identity that a password goes before.
    pub(in crate::config) passed_over: Option<String>,
}

impl Decision {
    fn new(identity: Identity, variable: Option<String>) -> Self {
        Self { identity, variable, tenant_variable: None, client_variable: None, passed_over: None }
    }

    fn password(password: &str, variable: &str, passed_over: Option<String>) -> Self {
        let identity = Identity::Password(Secret::new(password));
        Self { passed_over, ..Self::new(identity, Some(variable.to_owned())) }
    }
}

/// Chooses the identity: the first of client secret, password, federated token file and client id
/// that is there, else the system-assigned one.
///
/// A password goes before a client secret of Spring or of the `AZURE_*` variables, which may be
/// there for another service.
pub(super) fn decide(
    variables: &Variables<'_>,
    parameters: &Parameters,
    provenance: Provenance,
) -> Result<Decision, ConfigError> {
    let credentials = Credentials::read(variables, provenance)?;
    let password = parameters.get("password");
    if let Some(secret) = &credentials.client_secret
        && (password.is_none() || credentials.belong_to_connection)
    {
        return credentials.service_principal(secret);
    }
    if let Some(password) = password {
        let passed_over = credentials.passed_over(variables);
        return Ok(Decision::password(&password.value, &password.variable, passed_over));
    }
    if let Some(file) = variables.get("AZURE_FEDERATED_TOKEN_FILE")? {
        return credentials.workload(variables, file);
    }
    credentials.check_complete()?;
    if let Some(Variable { name, value }) = credentials.client_id.clone() {
        let identity = Identity::UserAssigned(UserAssignedId::ClientId(value.to_string()));
        return Ok(Decision::new(identity, Some(name)));
    }
    if let Some(password) = pg_password(variables, provenance)? {
        let passed_over = credentials.passed_over(variables);
        return Ok(Decision::password(&password.value, &password.name, passed_over));
    }
    Ok(Decision::new(Identity::SystemAssigned, None))
}

fn pg_password(
    variables: &Variables<'_>,
    provenance: Provenance,
) -> Result<Option<Variable>, ConfigError> {
    match provenance {
        Provenance::Libpq => variables.get_verbatim(PGPASSWORD),
        Provenance::ServiceConnector | Provenance::Spring | Provenance::Aspire => Ok(None),
    }
}

/// The ids and the secret, from the one group of variables that states any of them.
struct Credentials {
    client_id: Option<Variable>,
    tenant_id: Option<Variable>,
    client_secret: Option<Variable>,
    /// The names of the three, for errors.
    names: [String; 3],
    /// Whether they are stated for this connection alone.
    belong_to_connection: bool,
    /// Whether a tenant id is stated for service principals alone.
    tenant_needs_secret: bool,
}

impl Credentials {
    fn read(variables: &Variables<'_>, provenance: Provenance) -> Result<Self, ConfigError> {
        let own = Self::of_connection(variables)?;
        if own.states_any() {
            return Ok(own);
        }
        match provenance {
            Provenance::ServiceConnector => Ok(own),
            Provenance::Spring => Self::of_spring(variables),
            // Where Aspire deploys to, `AZURE_CLIENT_ID` is the identity of the application.
            Provenance::Libpq | Provenance::Aspire => Self::of_azure(variables),
        }
    }

    fn of_connection(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            client_id: variables.of_connection("CLIENTID")?,
            tenant_id: variables.of_connection("TENANTID")?,
            client_secret: variables.of_connection("CLIENTSECRET")?,
            names: ["CLIENTID", "TENANTID", "CLIENTSECRET"]
                .map(|suffix| variables.names().of_connection(suffix)),
            belong_to_connection: true,
            tenant_needs_secret: true,
        })
    }

    fn of_spring(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        let credential_tenant_id = spring::first(variables, spring::CREDENTIAL_TENANT_ID)?;
        let tenant_needs_secret =
            credential_tenant_id.is_some() && !spring::asks_for_managed_identity(variables)?;
        let tenant_id = match spring::first(variables, spring::PROFILE_TENANT_ID)? {
            Some(profile) => Some(profile),
            None => credential_tenant_id,
        };
        let keys = [spring::CLIENT_ID, spring::CREDENTIAL_TENANT_ID, spring::CLIENT_SECRET];
        Ok(Self {
            client_id: spring::first(variables, spring::CLIENT_ID)?,
            tenant_id,
            client_secret: spring::first(variables, spring::CLIENT_SECRET)?,
            names: keys.map(|[_, key]| variables.names().customized(key).unwrap_or(key).to_owned()),
            belong_to_connection: false,
            tenant_needs_secret,
        })
    }

    fn of_azure(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        let names = ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"];
        Ok(Self {
            client_id: variables.get(names[0])?,
            tenant_id: variables.get(names[1])?,
            client_secret: variables.get(names[2])?,
            names: names.map(str::to_owned),
            belong_to_connection: false,
            tenant_needs_secret: false,
        })
    }

    fn states_any(&self) -> bool {
        self.client_id.is_some() || self.tenant_id.is_some() || self.client_secret.is_some()
    }

    fn service_principal(&self, secret: &Variable) -> Result<Decision, ConfigError> {
        let [client_name, tenant_name, _] = &self.names;
        let client_id = required(self.client_id.as_ref(), client_name, SERVICE_PRINCIPAL)?;
        let tenant_id = required(self.tenant_id.as_ref(), tenant_name, SERVICE_PRINCIPAL)?;
        let identity = Identity::service_principal(tenant_id, client_id, secret.value.as_str());
        Ok(Decision {
            tenant_variable: self.tenant_id.as_ref().map(|variable| variable.name.clone()),
            client_variable: self.client_id.as_ref().map(|variable| variable.name.clone()),
            ..Decision::new(identity, Some(secret.name.clone()))
        })
    }

    fn workload(self, variables: &Variables<'_>, file: Variable) -> Result<Decision, ConfigError> {
        let [client_name, tenant_name] = ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"];
        let client_id = self.client_id.or(variables.get(client_name)?);
        let tenant_id = self.tenant_id.or(variables.get(tenant_name)?);
        let identity = Identity::workload(
            required(tenant_id.as_ref(), tenant_name, WORKLOAD_IDENTITY)?,
            required(client_id.as_ref(), client_name, WORKLOAD_IDENTITY)?,
            file.value.as_str(),
        );
        Ok(Decision {
            tenant_variable: tenant_id.map(|variable| variable.name),
            client_variable: client_id.map(|variable| variable.name),
            ..Decision::new(identity, Some(file.name))
        })
    }

    /// The variable that states an identity, or says that the platform has one.
    fn passed_over(&self, variables: &Variables<'_>) -> Option<String> {
        if let Some(stated) = self.client_secret.as_ref().or(self.client_id.as_ref()) {
            return Some(stated.name.clone());
        }
        let of_platform = ["AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"];
        of_platform.into_iter().find(|name| variables.is_set(name)).map(str::to_owned)
    }

    /// Refuses a tenant without a secret where that is half of a service principal.
    ///
    /// `AZURE_TENANT_ID` is not: it is set for many purposes.
    fn check_complete(&self) -> Result<(), ConfigError> {
        if self.tenant_needs_secret && self.tenant_id.is_some() {
            required(self.client_secret.as_ref(), &self.names[2], SERVICE_PRINCIPAL)?;
        }
        Ok(())
    }
}

const SERVICE_PRINCIPAL: &str = "the service principal is incomplete";
const WORKLOAD_IDENTITY: &str =
    "AZURE_FEDERATED_TOKEN_FILE asks for workload identity, which is incomplete";

fn required<'a>(
    variable: Option<&'a Variable>,
    name: &str,
    problem: &str,
) -> Result<&'a str, ConfigError> {
    variable.map(|variable| variable.value.as_str()).ok_or_else(|| {
        ConfigError::new(ConfigErrorKind::Missing, problem, format!("set {name}")).in_variable(name)
    })
}
