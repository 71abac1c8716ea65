//! `Settings` from variables.

use super::{
    parameters::{LeftOut, Parameters},
    settings::{IdentityVariables, Settings, interpret},
    variables::{ConnectionNames, Found, Variables},
};
use crate::{environment::Environment, error::ConfigError};

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
    /// # Events
    ///
    /// Target `postgres_entra::settings`, level warn: `settings without effect are left out`, with their
    /// names and variables in `left_out`. These are a password file, and properties of a JDBC URL that
    /// pgjdbc doesn't know, and ignores too.
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
        let Found { parameters, provenance } = variables.find()?;
        report_left_out(&parameters);
        let decision = variables.decide_identity(&parameters, provenance)?;
        let stated_in = IdentityVariables {
            identity: decision.variable,
            tenant_id: decision.tenant_variable,
            client_id: decision.client_variable,
            passed_over: decision.passed_over,
        };
        let settings = interpret(&parameters, decision.identity, stated_in)?;
        settings.validate()?;
        Ok(settings)
    }
}

/// One event for all that is set and has no effect.
fn report_left_out(parameters: &Parameters) {
    let left_out: Vec<String> = parameters
        .left_out()
        .map(|LeftOut { name, variable, reason }| {
            let name = name.unwrap_or_else(|| "a parameter".to_owned());
            format!("{name} ({variable}): {reason}")
        })
        .collect();
    if !left_out.is_empty() {
        tracing::warn!(
            target: "postgres_entra::settings",
            left_out = left_out.join("; "),
            "settings without effect are left out"
        );
    }
}
