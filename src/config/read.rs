//! `Settings` from variables.

use super::{
    parameters::{LeftOut, MOST_NAMED, Parameters},
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
    /// | 3 | `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGAPPNAME`, `PGOPTIONS`, `PGTZ`, `PGDATESTYLE`, `PGGEQO`, `PGCONNECT_TIMEOUT`, `PGTARGETSESSIONATTRS`, `PGLOADBALANCEHOSTS`, `PGREQUIREAUTH`, `PGCHANNELBINDING`, `PGSSLMODE`, `PGSSLNEGOTIATION`, `PGSSLROOTCERT` | fill what is still missing, as in libpq; `PGHOSTADDR` unless `PGHOST` names another host |
    /// | 3 | `PGCLIENTENCODING`, `PGSERVICE`, `PGMINPROTOCOLVERSION`, `PGMAXPROTOCOLVERSION`, `PGSSLCERT`, `PGSSLKEY`, `PGSSLCERTMODE`, `PGSSLCRL`, `PGSSLCRLDIR`, `PGSSLSNI`, `PGSSLMINPROTOCOLVERSION`, `PGSSLMAXPROTOCOLVERSION`, `PGGSSENCMODE` | refused if they ask for what can't be had |
    /// | 3 | `PGPASSFILE`, `PGREQUIREPEER`, `PGSSLCOMPRESSION`, `PGGSSDELEGATION`, `PGGSSLIB`, `PGKRBSRVNAME` | have no effect |
    ///
    /// A connection string may be a keyword/value string or URI of libpq, a JDBC URL or an ADO.NET
    /// string, which is known by the `;` after a value. Blanks around a URL are no part of it. One that
    /// can't be read, or that states nothing, is an error: the next variable may mean another database.
    /// The identity is the first of these that is there:
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
    let left_out = left_out(parameters);
    if !left_out.is_empty() {
        tracing::warn!(
            target: "postgres_entra::settings",
            left_out = left_out.join("; "),
            "settings without effect are left out"
        );
    }
}

fn left_out(parameters: &Parameters) -> Vec<String> {
    parameters
        .left_out()
        .take(MOST_NAMED)
        .map(|LeftOut { name, variable, reason }| {
            let name = name.unwrap_or_else(|| "a parameter".to_owned());
            format!("{name} ({variable}): {reason}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::parameters::keywords::{self, Treatment};

    fn left_out_of(name: &str, value: &str) -> Vec<String> {
        let environment = Environment::from_vars([(name, value), ("PGHOST", "h")]);
        let names = ConnectionNames::default();
        left_out(&Variables::new(&environment, &names).find().unwrap().parameters)
    }

    #[test]
    fn what_has_no_effect_is_named_with_its_variable() {
        let of_file = left_out_of("PGPASSFILE", "/hunter2");
        assert_eq!(of_file, ["passfile (PGPASSFILE): no password is looked for in a file"]);
        let url = "jdbc:postgresql://h/d?Colour=hunter2&password=a&hunter2=b&prepareThreshold=0";
        let of_url = left_out_of("DATABASE_URL", url);
        assert_eq!(of_url.len(), 2);
        assert!(of_url[0].starts_with("Colour (DATABASE_URL): "), "{of_url:?}");
        assert!(of_url[1].starts_with("a parameter (DATABASE_URL): "), "{of_url:?}");
        assert!(!of_url.concat().contains("hunter2"), "{of_url:?}");
        let many = "Colour=x&".repeat(1000);
        let of_many = left_out_of("DATABASE_URL", &format!("jdbc:postgresql://h/d?{many}"));
        assert_eq!(of_many.len(), MOST_NAMED);
        assert!(left_out_of("DATABASE_URL", "host=h sslcompression=1").is_empty());
    }

    /// The variables that are asked for where nothing but a host is stated; Spring's keys apart,
    /// which are looked for among the names that are there.
    fn read() -> BTreeSet<String> {
        let environment = Environment::from_vars([("PGHOST", "h")]);
        let names = ConnectionNames::default();
        let variables = Variables::new(&environment, &names);
        let Found { parameters, provenance } = variables.find().unwrap();
        variables.decide_identity(&parameters, provenance).unwrap();
        variables.asked()
    }

    /// The variables that a cell of a table names. One that begins with an underscore has the
    /// beginning of the one before it; one that ends with it is a prefix of the cell's first.
    fn named_in(cell: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for word in cell.split('`').skip(1).step_by(2) {
            if word.starts_with('_') {
                let (beginning, _) = names.last().unwrap().rsplit_once('_').unwrap();
                names.push(format!("{beginning}{word}"));
            } else if word.ends_with('_') {
                names.push(format!("{word}{}", names[0]));
            } else if word.starts_with(|c: char| c.is_ascii_uppercase()) {
                names.push(word.to_owned());
            }
        }
        names
    }

    /// The cells of the rows of all tables.
    fn rows(documentation: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
        let lines = documentation.lines().map(|line| line.trim().trim_start_matches("/// "));
        lines.filter(|line| line.starts_with("| ")).map(|line| line.split(" | ").collect())
    }

    #[test]
    fn the_documentation_lists_the_variables_that_are_read() {
        let listed = rows(include_str!("read.rs")).flat_map(|row| named_in(row[1]));
        assert_eq!(listed.collect::<BTreeSet<_>>(), read());
    }

    #[test]
    fn the_documentation_says_what_becomes_of_each_variable_of_libpq() {
        let outcomes = [("names another host", 0), ("can't be had", 1), ("have no effect", 2)];
        for (row_end, wanted) in outcomes {
            let row = rows(include_str!("read.rs"))
                .find(|row| row[0] == "| 3" && row[2].ends_with(&format!("{row_end} |")));
            let read = keywords::variables()
                .filter(|(_, keyword)| {
                    wanted
                        == match keywords::treatment(keyword) {
                            Treatment::Read | Treatment::Session => 0,
                            Treatment::Only(..) | Treatment::Unsupported(_) => 1,
                            Treatment::Ignored | Treatment::Useless(_) => 2,
                        }
                })
                .map(|(variable, _)| variable.to_owned());
            let listed = named_in(row.unwrap()[1]);
            assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), read.collect());
        }
    }

    #[test]
    fn the_guide_names_variables_that_are_read() {
        let guide = include_str!("../guide/identities.md");
        let numbered = rows(guide).filter(|row| row[0].ends_with(|c: char| c.is_ascii_digit()));
        let named: Vec<_> = numbered.flat_map(|row| named_in(row[row.len() / 2])).collect();
        assert!(named.len() > 20, "{named:?}");
        for name in named {
            assert!(read().contains(&name), "{name}");
        }
    }
}
