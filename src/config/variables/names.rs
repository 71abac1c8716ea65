use std::collections::BTreeMap;

const DEFAULT_PREFIX: &str = "AZURE_POSTGRESQL";

/// The names under which Service Connector left the variables of one connection.
///
/// The default is what it writes for the first PostgreSQL connection, `AZURE_POSTGRESQL_...`. A
/// second connection has its own prefix, and `az webapp connection create --customized-keys` can
/// rename each variable
/// ([documentation](https://learn.microsoft.com/azure/service-connector/concept-service-connector-internals)).
///
/// ```
/// use postgres_entra::{ConnectionNames, Environment, Settings};
///
/// let environment = Environment::from_vars([
///     ("REPORTS_DB", "host=reports.postgres.database.azure.com user=aad_reports"),
/// ]);
/// let names = ConnectionNames::new("AZURE_POSTGRESQL_CONN2")
///     .with_renamed("AZURE_POSTGRESQL_CONN2_CONNECTIONSTRING", "REPORTS_DB");
/// let settings = Settings::from_environment(&environment, &names)?;
/// assert_eq!(settings.user(), Some("aad_reports"));
/// # Ok::<(), postgres_entra::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionNames {
    prefix: String,
    renamed: BTreeMap<String, String>,
    /// The resource of Aspire that the connection is.
    aspire_resource: Option<String>,
}

impl ConnectionNames {
    /// The names of the connection with this prefix, such as `AZURE_POSTGRESQL_CONN2`.
    pub fn new(prefix: impl Into<String>) -> Self {
        let prefix: String = prefix.into();
        Self {
            prefix: prefix.trim_end_matches('_').to_owned(),
            renamed: BTreeMap::new(),
            aspire_resource: None,
        }
    }

    /// The names of the variables that Aspire sets for a resource: for `orders-db` these are
    /// `ORDERS_DB_URI`, `ORDERS_DB_JDBCCONNECTIONSTRING`, `ConnectionStrings__orders-db`,
    /// `ORDERS_DB_HOST`, `_PORT`, `_USERNAME`, `_PASSWORD` and `_DATABASENAME`
    /// ([documentation](https://aspire.dev/integrations/databases/postgres/postgres-host/)).
    ///
    /// They complete each other. The identity is what `AZURE_CLIENT_ID` and its kin say, which is how
    /// Aspire names that of the application.
    ///
    /// ```
    /// use postgres_entra::{ConnectionNames, Environment, Identity, Settings, UserAssignedId};
    ///
    /// let environment = Environment::from_vars([
    ///     ("PG_URI", "postgresql://contoso.postgres.database.azure.com/orders"),
    ///     ("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111"),
    /// ]);
    /// let settings = Settings::from_environment(&environment, &ConnectionNames::aspire("pg"))?;
    /// assert_eq!(settings.database(), Some("orders"));
    /// assert!(matches!(settings.identity(), Identity::UserAssigned(UserAssignedId::ClientId(_))));
    /// # Ok::<(), postgres_entra::ConfigError>(())
    /// ```
    pub fn aspire(resource: impl Into<String>) -> Self {
        let resource: String = resource.into();
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let prefix: String = resource.chars().map(letter).collect();
        Self { aspire_resource: Some(resource), ..Self::new(prefix) }
    }

    /// Reads `customized` in place of `original`, as in `--customized-keys ORIGINAL=CUSTOMIZED`.
    ///
    /// A connection string of App Service is handed on without the hyphens of its name: what was named
    /// `my-db` there is `POSTGRESQLCONNSTR_mydb` to the application.
    #[must_use]
    pub fn with_renamed(
        mut self,
        original: impl Into<String>,
        customized: impl Into<String>,
    ) -> Self {
        self.renamed.insert(original.into(), customized.into());
        self
    }

    /// The prefix, without an underscore at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn has_default_prefix(&self) -> bool {
        self.prefix == DEFAULT_PREFIX && self.aspire_resource.is_none()
    }

    /// The resource of Aspire that the connection is, if it is one.
    pub(super) fn aspire_resource(&self) -> Option<&str> {
        self.aspire_resource.as_deref()
    }

    /// The name of a variable of this connection: `CLIENTID` is `AZURE_POSTGRESQL_CLIENTID`.
    pub(super) fn of_connection(&self, suffix: &str) -> String {
        let original = format!("{}_{suffix}", self.prefix);
        self.customized(&original).map_or(original, str::to_owned)
    }

    /// The name that has been given to a variable in place of its original one.
    pub(super) fn customized(&self, original: &str) -> Option<&str> {
        self.renamed.get(original).map(String::as_str)
    }
}

impl Default for ConnectionNames {
    fn default() -> Self {
        Self::new(DEFAULT_PREFIX)
    }
}
