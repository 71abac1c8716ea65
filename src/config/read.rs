//! `Settings` from variables.

use super::{
    identity::{self, Provenance},
    interpret,
    libpq_environment::{self, DATABASE_URL, PGHOST},
    names::ConnectionNames,
    parameters::Parameters,
    service_connector,
    settings::Settings,
    spring,
    variables::Variables,
};
use crate::{
    Environment,
    error::{ConfigError, ConfigErrorKind},
};

impl Settings {
    /// Reads the settings from the environment of this process, as [`from_vars`](Self::from_vars)
    /// does.
    ///
    /// # Errors
    ///
    /// As [`from_vars`](Self::from_vars).
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_environment(&Environment::process(), &ConnectionNames::default())
    }

    /// Reads the settings from `(name, value)` pairs.
    ///
    /// | first to last | variables | what they do |
    /// |---|---|---|
    /// | 1 | `AZURE_POSTGRESQL_CONNECTIONSTRING`, also after `POSTGRESQLCONNSTR_` or `CUSTOMCONNSTR_`; `POSTGRESQLCONNSTR_AZURE_POSTGRESQL`, `CUSTOMCONNSTR_AZURE_POSTGRESQL`; `AZURE_POSTGRESQL_HOST`, `_PORT`, `_USER` or `_USERNAME`, `_DATABASE` or `_NAME`, `_PASSWORD`, `_SSL`; `spring.datasource.url`, `.username`, `.password` in any spelling | Service Connector's: they complete each other, and it is an error if two of them name different databases, users or passwords |
    /// | 2 | `DATABASE_URL` | read if none of the above is set |
    /// | 3 | `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLNEGOTIATION`, `PGCHANNELBINDING`, `PGAPPNAME`, `PGCONNECT_TIMEOUT`, `PGTARGETSESSIONATTRS`, `PGOPTIONS` | fill what is still missing, as in libpq; `PGHOSTADDR` unless `PGHOST` names another host |
    ///
    /// A connection string may be a keyword/value string or URI of libpq, a JDBC URL or an ADO.NET
    /// string. One that can't be read, or that states nothing, is an error: the next variable may mean
    /// another database. The identity is the first of these that is there:
    ///
    /// | identity | stated by |
    /// |---|---|
    /// | service principal | `AZURE_POSTGRESQL_CLIENTSECRET`, with `_CLIENTID` and `_TENANTID` |
    /// | password | a password in the variables of row 1 or 2 |
    /// | service principal | `spring.cloud.azure.credential.client-secret`; without Service Connector, `AZURE_CLIENT_SECRET`; each with its client and tenant id |
    /// | workload identity | `AZURE_FEDERATED_TOKEN_FILE`, with the client and tenant id of `AZURE_POSTGRESQL_CLIENTID`, `_TENANTID` or Spring's keys, and what these lack from `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` |
    /// | user-assigned identity | `AZURE_POSTGRESQL_CLIENTID`, `spring.cloud.azure.credential.client-id`; without Service Connector, `AZURE_CLIENT_ID` |
    /// | password | without Service Connector, `PGPASSWORD` |
    /// | system-assigned identity | nothing |
    ///
    /// Spring's keys are also read under `spring.datasource.azure`, which goes before
    /// `spring.cloud.azure`, and the tenant id as `profile.tenant-id`.
    ///
    /// ```
    /// use postgres_entra::{Identity, Settings};
    ///
    /// let settings = Settings::from_vars([
    ///     ("AZURE_POSTGRESQL_HOST", "contoso.postgres.database.azure.com"),
    ///     ("AZURE_POSTGRESQL_USER", "aad_orders"),
    ///     ("AZURE_POSTGRESQL_DATABASE", "orders"),
    /// ])?;
    /// assert_eq!(settings.identity(), &Identity::SystemAssigned);
    /// # Ok::<(), postgres_entra::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the variable and the fix: something is missing, malformed,
    /// contradictory, unsafe with a token, or an unresolved reference to a secret store.
    pub fn from_vars<I, K, V>(vars: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        Self::from_environment(&Environment::from_vars(vars), &ConnectionNames::default())
    }

    /// Reads the settings of another connection, such as the one with the prefix
    /// `AZURE_POSTGRESQL_CONN2`.
    ///
    /// Spring's keys, `DATABASE_URL` and `PGHOST` are left alone, so that a mistyped prefix never
    /// reaches the database of another connection. The other variables of libpq still fill what is
    /// missing, such as `PGPORT` and `PGUSER`.
    ///
    /// # Errors
    ///
    /// As [`from_vars`](Self::from_vars).
    pub fn from_vars_with_prefix<I, K, V>(vars: I, prefix: &str) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        Self::from_environment(&Environment::from_vars(vars), &ConnectionNames::new(prefix))
    }

    /// Reads the settings from an environment, under the names of one connection: for those of the first
    /// one as [`from_vars`](Self::from_vars) does, for others as
    /// [`from_vars_with_prefix`](Self::from_vars_with_prefix).
    ///
    /// # Errors
    ///
    /// As [`from_vars`](Self::from_vars).
    pub fn from_environment(
        environment: &Environment,
        names: &ConnectionNames,
    ) -> Result<Self, ConfigError> {
        let variables = Variables::new(environment, names);
        let (mut parameters, provenance) = find(&variables)?;
        libpq_environment::fill(&mut parameters, &variables)?;
        require_host(&parameters, names)?;
        let decision = identity::decide(&variables, &parameters, provenance)?;
        let settings = interpret::settings(&parameters, decision)?;
        settings.validate()?;
        Ok(settings)
    }
}

/// The parameters that Service Connector states, else those of `DATABASE_URL`.
fn find(variables: &Variables<'_>) -> Result<(Parameters, Provenance), ConfigError> {
    let mut parameters = service_connector::find(variables)?;
    if let Some(spring) = spring::find(variables)? {
        parameters.reconcile(spring)?;
        return Ok((parameters, Provenance::Spring));
    }
    if !parameters.is_empty() || !variables.names().has_default_prefix() {
        return Ok((parameters, Provenance::ServiceConnector));
    }
    Ok((libpq_environment::database_url(variables)?, Provenance::Libpq))
}

fn require_host(parameters: &Parameters, names: &ConnectionNames) -> Result<(), ConfigError> {
    if parameters.get("host").is_some() {
        return Ok(());
    }
    if let Some(address) = parameters.get("hostaddr") {
        return Err(address.error(
            ConfigErrorKind::Missing,
            "an address is stated without the host name that the server's certificate must carry",
            format!("state the host name too, in {}", accepted_names(names)),
        ));
    }
    let stated = ["user", "dbname", "port", "password"].into_iter().find_map(|k| parameters.get(k));
    Err(match stated {
        Some(parameter) => parameter.error(
            ConfigErrorKind::Missing,
            "no host is stated beside it",
            format!("state it there or in {}", accepted_names(names)),
        ),
        None => nothing_set(names),
    })
}

fn nothing_set(names: &ConnectionNames) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::Missing,
        "no variable says which database to connect to",
        format!("set one of {}", accepted_names(names)),
    )
}

/// The variables that can name a host.
fn accepted_names(names: &ConnectionNames) -> String {
    let mut accepted = vec![names.of_connection("CONNECTIONSTRING"), names.of_connection("HOST")];
    if names.has_default_prefix() {
        accepted.extend(["spring.datasource.url", DATABASE_URL, PGHOST].map(str::to_owned));
    }
    accepted.join(", ")
}
