//! A login in the variables that libpq's programs read.

use std::{fmt, process::Command};

use super::{libpq_conninfo, login::Login};
use crate::{
    config::{Choice, Host, Origin, Settings, TargetSessionAttrs},
    error::{ConfigError, ConfigErrorKind},
    secret::Secret,
    tls::system_bundle,
};

/// What libpq puts before the variables that it is given, or takes where they name none. A service
/// file may name another host, and turn TLS off.
const OTHERS: [&str; 7] = [
    "PGSERVICE",
    "PGHOSTADDR",
    "PGOPTIONS",
    "PGTARGETSESSIONATTRS",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGSSLNEGOTIATION",
];

/// The secrets of an identity, whoever it is and whatever platform it is on: a program that is given a
/// login has no use for what logins are made with.
const SECRETS: [&str; 6] = [
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_PASSWORD",
    "AZURE_FEDERATED_TOKEN_FILE",
    "IDENTITY_HEADER",
    "MSI_SECRET",
];

/// What `psql`, `pg_dump` and every other program on libpq need to log in as a [`Connector`](crate::Connector) does:
/// `PGHOST`, `PGPORT`, `PGUSER`, `PGSSLMODE`, the token as `PGPASSWORD`, and so on
/// ([documentation](https://www.postgresql.org/docs/current/libpq-envars.html)).
///
/// Made by [`Connector::libpq_variables`](super::Connector::libpq_variables). `Debug` shows `PGPASSWORD` as `[redacted]`, and no value of
/// `PGOPTIONS` and `PGAPPNAME`, which may hold anything.
pub struct LibpqVariables {
    vars: Vec<(&'static str, String)>,
    password: Secret,
    /// What only a connection string can say.
    keywords: Vec<(&'static str, String)>,
    /// The variables that the settings were read from, which may hold secrets too.
    origins: Vec<String>,
}

impl LibpqVariables {
    pub(super) fn new(settings: &Settings, login: &Login) -> Result<Self, ConfigError> {
        Self::for_hosts(settings.hosts(), settings, login)
    }

    /// The login at some of the hosts.
    pub(super) fn for_hosts(
        servers: &[Host],
        settings: &Settings,
        login: &Login,
    ) -> Result<Self, ConfigError> {
        let mut vars = hosts(servers);
        vars.push(("PGUSER", login.user().to_owned()));
        vars.push(("PGDATABASE", database(settings, login)?));
        vars.extend(settings.options().map(|options| ("PGOPTIONS", options.to_owned())));
        vars.extend(settings.application_name().map(|name| ("PGAPPNAME", name.to_owned())));
        vars.extend(session_attrs(settings));
        vars.extend(tls(settings));
        let keywords = libpq_conninfo::keywords(settings);
        let origins = settings.origins().filter_map(|(_, origin)| match origin {
            Origin::Variable(name) => Some(name.clone()),
            _ => None,
        });
        let origins = origins.collect();
        Ok(Self { vars, password: login.password().into(), keywords, origins })
    }

    /// What a connection string has beside the variables.
    pub(super) fn keywords(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.keywords.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The same for one try at one address, with a limit of its own. Whether the server is a replica is
    /// then not libpq's to ask: before version 14 it can't.
    #[cfg(feature = "diesel")]
    pub(super) fn for_one_try(mut self, limit: std::time::Duration) -> Self {
        self.vars.retain(|(name, value)| {
            *name != "PGTARGETSESSIONATTRS" || matches!(value.as_str(), "read-write" | "read-only")
        });
        self.keywords.retain(|(name, _)| *name != "connect_timeout");
        self.keywords.push(("connect_timeout", libpq_conninfo::whole_seconds(limit)));
        self
    }

    /// Gives a command these variables. Takes from it those that libpq would put before them, those that the
    /// settings were read from, and the secrets of the identity: the program gets one login, and not what
    /// further ones are made with.
    pub fn apply_to(&self, command: &mut Command) {
        for name in Self::others().chain(SECRETS) {
            command.env_remove(name);
        }
        for name in &self.origins {
            command.env_remove(name);
        }
        command.envs(self.iter());
    }

    /// The variables that must not be set beside these, unless these set them: with `PGSERVICE`, libpq
    /// would take host and TLS mode from a file, and send the token there.
    pub fn others() -> impl Iterator<Item = &'static str> {
        OTHERS.into_iter()
    }

    /// Names and values, the secret one last. Remove [the others](Self::others) first, or call
    /// [`apply_to`](Self::apply_to).
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let vars = self.vars.iter().map(|(name, value)| (*name, value.as_str()));
        vars.chain([("PGPASSWORD", self.password.expose())])
    }
}

/// The database, said aloud: without it, some programs take the user's name for a connection string.
///
/// `vacuumdb`, `pgbench` and others take any name with `=` in it, or that looks like a URI, for one
/// ([source](https://www.postgresql.org/docs/current/app-vacuumdb.html)): it could name another host.
fn database(settings: &Settings, login: &Login) -> Result<String, ConfigError> {
    let name = settings.database().unwrap_or(login.user());
    let is_uri = ["postgres://", "postgresql://"].iter().any(|scheme| name.starts_with(scheme));
    if is_uri || name.contains('=') {
        return Err(ConfigError::new(
            ConfigErrorKind::Unsafe,
            "programs on libpq would take the database's name for a connection string",
            "name a database without `=`, that does not begin with postgres:// or postgresql://",
        ));
    }
    Ok(name.to_owned())
}

fn hosts(hosts: &[Host]) -> Vec<(&'static str, String)> {
    let list =
        |part: &dyn Fn(&Host) -> String| hosts.iter().map(part).collect::<Vec<_>>().join(",");
    let mut vars = vec![
        ("PGHOST", list(&|host| host.name().to_owned())),
        ("PGPORT", list(&|host| host.port().to_string())),
    ];
    if hosts.iter().any(|host| host.address().is_some()) {
        // An empty entry stands for a name that is to be resolved.
        let address = |host: &Host| host.address().map(|it| it.to_string()).unwrap_or_default();
        vars.push(("PGHOSTADDR", list(&address)));
    }
    vars
}

fn session_attrs(settings: &Settings) -> Option<(&'static str, String)> {
    let wanted = settings.target_session_attrs();
    (wanted != TargetSessionAttrs::Any).then(|| ("PGTARGETSESSIONATTRS", wanted.name().to_owned()))
}

fn tls(settings: &Settings) -> Vec<(&'static str, String)> {
    // With a Kerberos ticket libpq would try GSSAPI first, and then send the token without TLS.
    let mut vars = vec![("PGGSSENCMODE", "disable".to_owned())];
    if !settings.uses_tls() {
        vars.push(("PGSSLMODE", "disable".to_owned()));
        return vars;
    }
    let roots = settings.ssl_root_cert().map(|file| file.to_string_lossy().into_owned());
    vars.push(("PGSSLMODE", "verify-full".to_owned()));
    vars.push(("PGSSLROOTCERT", roots.unwrap_or_else(system_roots)));
    vars
}

/// The system's bundle, which every libpq can read, else the word that it takes from version 16 on.
fn system_roots() -> String {
    system_bundle().unwrap_or("system").to_owned()
}

impl fmt::Debug for LibpqVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vars = self.vars.iter().map(|(name, value)| match *name {
            "PGOPTIONS" | "PGAPPNAME" => (name, "[set]"),
            _ => (name, value.as_str()),
        });
        f.debug_map().entries(vars).entry(&"PGPASSWORD", &self.password).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::SslMode, identity::Identity};

    fn try_vars(settings: &Settings) -> Result<LibpqVariables, ConfigError> {
        LibpqVariables::new(settings, &Login::with_password("me".into(), "hunter2".into()))
    }

    fn vars(settings: &Settings) -> LibpqVariables {
        try_vars(settings).unwrap()
    }

    fn get<'a>(vars: &'a LibpqVariables, name: &str) -> Option<&'a str> {
        vars.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    #[test]
    fn several_hosts_become_lists_of_the_same_length() {
        let dialled = Host::new("b", 6432).with_address([127, 0, 0, 1].into());
        let hosts = vec![Host::new("a", 5432), dialled];
        let vars = vars(&Settings::for_hosts(hosts, Identity::SystemAssigned));
        assert_eq!(get(&vars, "PGHOST"), Some("a,b"));
        assert_eq!(get(&vars, "PGPORT"), Some("5432,6432"));
        assert_eq!(get(&vars, "PGHOSTADDR"), Some(",127.0.0.1"));
        assert_eq!(get(&vars, "PGDATABASE"), Some("me"));
    }

    #[test]
    fn tls_is_verified_whatever_the_settings_say_and_never_replaced_by_gssapi() {
        let settings = Settings::new("a", Identity::SystemAssigned).with_ssl_root_cert("/ca.pem");
        let vars = vars(&settings.with_ssl_mode(SslMode::Require));
        assert_eq!(get(&vars, "PGSSLMODE"), Some("verify-full"));
        assert_eq!(get(&vars, "PGSSLROOTCERT"), Some("/ca.pem"));
        assert_eq!(get(&vars, "PGGSSENCMODE"), Some("disable"));
    }

    #[test]
    fn a_database_that_is_a_connection_string_is_refused() {
        for name in ["host=evil.example sslmode=disable", "postgresql://evil.example/x"] {
            let settings = Settings::new("a", Identity::SystemAssigned).with_database(name);
            let error = try_vars(&settings).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Unsafe);
            assert!(!error.to_string().contains("evil"), "{error}");
        }
    }

    #[test]
    fn a_command_keeps_nothing_that_libpq_would_put_first() {
        let mut command = Command::new("psql");
        command.env("PGSERVICE", "legacy").env("PGHOSTADDR", "192.0.2.1").env("PGUSER", "you");
        vars(&Settings::new("a", Identity::SystemAssigned)).apply_to(&mut command);
        let left = |name: &str| {
            let mut vars = command.get_envs();
            vars.find_map(|(known, value)| (known == name).then_some(value)).flatten()
        };
        assert_eq!((left("PGSERVICE"), left("PGHOSTADDR")), (None, None));
        assert_eq!(left("PGUSER"), Some("me".as_ref()));
    }

    #[test]
    fn a_command_gets_a_login_and_not_what_logins_are_made_with() {
        let url = "host=a user=me password=hunter2";
        let settings = Settings::from_vars([("AZURE_POSTGRESQL_CONNECTIONSTRING", url)]).unwrap();
        let mut command = Command::new("psql");
        let secrets = ["AZURE_CLIENT_SECRET", "IDENTITY_HEADER", "MSI_SECRET"];
        for name in secrets.into_iter().chain(["AZURE_POSTGRESQL_CONNECTIONSTRING", "LANG"]) {
            command.env(name, "value");
        }
        vars(&settings).apply_to(&mut command);
        let is_set =
            |name: &str| command.get_envs().any(|(known, value)| known == name && value.is_some());
        for name in secrets.into_iter().chain(["AZURE_POSTGRESQL_CONNECTIONSTRING"]) {
            assert!(!is_set(name), "{name}");
        }
        assert!(is_set("LANG") && is_set("PGPASSWORD"));
    }

    #[test]
    fn the_password_is_handed_over_and_not_shown() {
        let settings = Settings::new("a", Identity::SystemAssigned)
            .with_options("-c app.key=hunter2")
            .with_application_name("hunter2");
        let vars = vars(&settings);
        assert_eq!(get(&vars, "PGPASSWORD"), Some("hunter2"));
        assert_eq!(get(&vars, "PGOPTIONS"), Some("-c app.key=hunter2"));
        assert!(!format!("{vars:?}").contains("hunter2"));
    }
}
