use std::{fs, net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use super::{
    EmulatorError, IdentityService, LocalAzure, Server,
    certificate::Authority,
    cluster::Cluster,
    engine::{self, Engine},
    facts::HOST_SUFFIX,
    identity::Files,
    jwt::Signer,
    mint::Mint,
    server::Contents,
};
use crate::environment::Environment;

/// Settings of a [`LocalAzure`] before it starts.
#[derive(Clone, Debug)]
pub struct LocalAzureBuilder {
    server_name: String,
    contents: Contents,
    token_lifetime: Option<Duration>,
    arc_tokens_folder: Option<PathBuf>,
    environment: Environment,
}

impl LocalAzureBuilder {
    pub(crate) fn new() -> Self {
        Self {
            server_name: "contoso-pg".to_owned(),
            contents: Contents {
                database: "orders".to_owned(),
                has_application_roles: true,
                may_create_tables: false,
            },
            token_lifetime: None,
            arc_tokens_folder: None,
            environment: Environment::process(),
        }
    }

    /// The server's name, the first label of its host: lower-case letters, digits and hyphens.
    /// Default: `contoso-pg`.
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.server_name);
        self
    }

    /// The application's database: letters, digits, hyphens and underscores. Default: `orders`.
    #[must_use]
    pub fn database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.contents.database);
        self
    }

    /// How long tokens live, of all identities. Default, as in Azure: 24 hours for managed
    /// identities, one hour for applications.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// Where the agent of Azure Arc writes its challenge files: a folder that exists. Default: one that belongs to this
    /// local Azure.
    ///
    /// The Azure SDKs read them in `/var/opt/azcmagent/tokens` alone, and so does this crate unless
    /// [`AzureArc::with_tokens_folder`](crate::source::AzureArc::with_tokens_folder) says otherwise. Each file is
    /// removed when its challenge is over, at the latest with the local Azure; only one that is killed leaves the
    /// challenges that were open.
    #[must_use]
    pub fn arc_tokens_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.arc_tokens_folder = Some(folder.into());
        self
    }

    /// Starts with the administrator's role and that of [`Login::Password`](super::Login::Password)
    /// alone, as a server on which no application has been provisioned yet. Default: Service Connector
    /// has been there.
    #[must_use]
    pub fn without_application_roles(mut self) -> Self {
        self.contents.has_application_roles = false;
        self
    }

    /// Lets the roles create tables in the schema `public`. Not by default, since Service Connector
    /// doesn't grant it: the roles then create tables in schemas of their own. Up to PostgreSQL 14 every
    /// role may do it anyway.
    #[must_use]
    pub fn roles_may_create_tables(mut self) -> Self {
        self.contents.may_create_tables = true;
        self
    }

    /// Where `POSTGRES_ENTRA_PG_BIN`, `PATH` and `TMPDIR` are read. Default: the process environment.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Starts it without blocking the thread. Must be called inside a tokio runtime.
    ///
    /// Dropping the future stops what has been started by then.
    ///
    /// # Errors
    ///
    /// As [`start_blocking`](Self::start_blocking).
    pub async fn start(self) -> Result<LocalAzure, EmulatorError> {
        // Work on the blocking pool also keeps a paused tokio clock from running on meanwhile. Begun in a
        // task, since tokio panics where no thread can be made for it.
        #[expect(clippy::async_yields_async, reason = "dropping the work's handle must detach it")]
        let begun = async { tokio::task::spawn_blocking(|| self.start_blocking()) };
        let blocking = tokio::spawn(begun).await.map_err(EmulatorError::no_task)?;
        blocking.await.map_err(EmulatorError::no_task)?
    }

    /// Starts it and blocks until it serves, which takes one to two seconds.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::PostgresNotFound`] with the install command if this machine has no PostgreSQL
    /// server; [`EmulatorError::Setting`] if a setting can't be used; others if the operating system
    /// or the server fails. Nothing is left behind.
    pub fn start_blocking(self) -> Result<LocalAzure, EmulatorError> {
        self.check()?;
        let engine = Engine::start()?;
        let (identity_service, server) = engine.run(self.start_services())?;
        Ok(LocalAzure { engine, identity_service, server })
    }

    async fn start_services(self) -> Result<(IdentityService, Server), EmulatorError> {
        // The key takes a while; meanwhile the cluster is made.
        let signer = engine::on_thread(Signer::generate)?;
        let cluster = Cluster::start(&self.environment).await?;
        let mint = Arc::new(Mint::new(signer.await?));
        let files = self.files(&cluster)?;
        let authority = Authority::create()?;
        let https = authority.acceptor(&Ipv4Addr::LOCALHOST.to_string(), None)?;
        let identity_service =
            IdentityService::start(Arc::clone(&mint), self.token_lifetime, files, https).await?;
        let host = format!("{}{HOST_SUFFIX}", self.server_name);
        let server = Server::start(cluster, mint, &authority, host, self.contents).await?;
        Ok((identity_service, server))
    }

    fn files(&self, cluster: &Cluster) -> Result<Files, EmulatorError> {
        let own = |name: &str| cluster.folder().join(name);
        let arc_tokens = match &self.arc_tokens_folder {
            Some(folder) => folder.clone(),
            None => {
                let folder = own("arc-tokens");
                fs::create_dir(&folder)
                    .map_err(EmulatorError::io("make a folder for Azure Arc"))?;
                folder
            }
        };
        Ok(Files {
            federated_token: own("azure-identity-token"),
            binding_token: own("aks-identity-binding-token"),
            token_proxy_ca: own("aks-token-proxy-ca.pem"),
            arc_tokens,
        })
    }

    /// Names that need no quoting in any of the forms that the variables take.
    fn check(&self) -> Result<(), EmulatorError> {
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !is_name(&self.server_name, is_label) {
            return Err(unusable("the server name", "lower-case letters, digits and hyphens"));
        }
        if !is_name(&self.contents.database, is_word) {
            return Err(unusable("the database name", "letters, digits, hyphens and underscores"));
        }
        if self.arc_tokens_folder.as_ref().is_some_and(|folder| !folder.is_dir()) {
            let problem = "the folder for the challenge files of Azure Arc does not exist";
            return Err(EmulatorError::setting(problem, "make it, and let this user write to it"));
        }
        Ok(())
    }
}

/// PostgreSQL and DNS both end names at 63 bytes.
fn is_name(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(allowed)
}

fn unusable(what: &str, allowed: &str) -> EmulatorError {
    let hint = format!("use 1 to 63 {allowed}");
    EmulatorError::setting(format!("{what} of the local Azure can't be used"), hint)
}
