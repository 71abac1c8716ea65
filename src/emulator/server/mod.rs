//! The PostgreSQL side: a front that checks tokens, before a private cluster.

mod fault;
mod front;
mod prepare;
mod roles;
mod verdict;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use tokio::runtime::Handle;

pub use self::fault::ServerFault;
pub(crate) use self::prepare::Contents;
use self::{
    front::{Counts, Front},
    roles::{RoleMapping, Roles},
};
use super::{
    EmulatorError, Login, PrincipalType,
    certificate::{self, Authority},
    cluster::Cluster,
    engine, lock,
    mint::Mint,
    net,
    principals::PASSWORD_ROLE,
    random,
};

/// The PostgreSQL server of a local Azure: a real one, behind a front that checks tokens as Azure does.
///
/// Every method may be called from any thread and any runtime.
pub struct Server {
    front: Arc<Front>,
    engine: Handle,
    host: String,
    address: SocketAddr,
    database: String,
    /// The authority from the start.
    first_authority: String,
    ca_certificate: PathBuf,
    ca_bundle: PathBuf,
}

impl Server {
    /// Prepares the cluster and starts the listener on the current runtime.
    pub(crate) async fn start(
        cluster: Cluster,
        mint: Arc<Mint>,
        authority: &Authority,
        host: String,
        contents: Contents,
    ) -> Result<Self, EmulatorError> {
        let acceptor = authority.acceptor(&host, Some(certificate::ALPN))?;
        let first_authority = authority.pem();
        let ca_certificate = cluster.write("ca.pem", &first_authority)?;
        let ca_bundle = cluster.write("ca-bundle.pem", &certificate::bundle(&first_authority))?;
        let front = Front {
            cluster,
            mint,
            role_password: random::hex(&random::bytes::<16>()).into(),
            acceptor: acceptor.into(),
            fault: Default::default(),
            expired_up_to: Default::default(),
            counts: Counts::default(),
        };
        prepare::prepare(&front.cluster, &contents).await?;

        let (listener, address) = net::bind().await?;
        let front = Arc::new(front);
        tokio::spawn(front::listen(listener, Arc::clone(&front)));
        let (engine, database) = (Handle::current(), contents.database);
        Ok(Self {
            front,
            engine,
            host,
            address,
            database,
            first_authority,
            ca_certificate,
            ca_bundle,
        })
    }

    /// The host name that the certificate is for, `<name>.postgres.database.azure.com`. It need not
    /// resolve: dial [`address`](Self::address). For drivers that verify what they dial, the
    /// certificate is also for `127.0.0.1`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to dial, without the port.
    pub fn hostaddr(&self) -> IpAddr {
        self.address.ip()
    }

    /// The application's database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The role that this login has in the database.
    pub fn role(&self, login: Login) -> &str {
        login.principal().map_or(PASSWORD_ROLE, |principal| principal.role)
    }

    /// The password of the role of [`Login::Password`]: random, new at each start.
    pub fn role_password(&self) -> &str {
        self.front.role_password.expose()
    }

    /// The folder of the cluster's Unix socket, which lets in everyone who can enter the folder.
    pub fn socket_dir(&self) -> &Path {
        self.front.cluster.folder()
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> usize {
        self.front.counts.connections.load(Ordering::SeqCst)
    }

    /// How many logins were accepted.
    pub fn logins_accepted(&self) -> usize {
        self.front.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many logins were rejected after the password was sent.
    pub fn logins_rejected(&self) -> usize {
        self.front.counts.rejected.load(Ordering::SeqCst)
    }

    /// How many passwords or tokens clients have sent, encrypted or in clear.
    pub fn passwords_received(&self) -> usize {
        self.front.counts.passwords.load(Ordering::SeqCst)
    }

    /// Makes the server misbehave until `None` is set. Open sessions go on.
    pub fn set_fault(&self, fault: Option<ServerFault>) {
        *lock(&self.front.fault) = fault;
    }

    /// Treats every access token that was made so far as expired.
    pub fn reject_tokens_issued_before_now(&self) {
        self.front.expired_up_to.store(self.front.mint.latest(), Ordering::SeqCst);
    }

    /// Maps a role to the principal with this object id, as the statement `SECURITY LABEL` does in
    /// Azure. A role that is mapped to a group takes the token of any principal, since members are
    /// not known here. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Sql`] if there is no such role: create it with [`execute`](Self::execute).
    pub fn map_role(
        &self,
        role: &str,
        object_id: &str,
        principal_type: PrincipalType,
    ) -> Result<(), EmulatorError> {
        self.set_mapping(
            role,
            Some(RoleMapping { object_id: object_id.to_owned(), principal_type }),
        )
    }

    /// Forgets whom a role is mapped to, so that no token opens it. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Sql`] if there is no such role.
    pub fn unmap_role(&self, role: &str) -> Result<(), EmulatorError> {
        self.set_mapping(role, None)
    }

    fn set_mapping(&self, role: &str, mapping: Option<RoleMapping>) -> Result<(), EmulatorError> {
        let (front, role) = (Arc::clone(&self.front), role.to_owned());
        engine::run_on(&self.engine, async move {
            let roles = Roles(&front.cluster);
            roles.set_mapping(&role, mapping.as_ref()).await.map_err(EmulatorError::Sql)
        })
    }

    /// Adds a principal to those whose name the tenant knows.
    pub(crate) async fn add_principal(
        &self,
        name: &str,
        object_id: &str,
        principal_type: PrincipalType,
    ) -> Result<(), EmulatorError> {
        let (front, name) = (Arc::clone(&self.front), name.to_owned());
        let object_id = object_id.to_owned();
        self.on_engine(async move {
            let roles = Roles(&front.cluster);
            roles.know(&name, &object_id, principal_type).await.map_err(EmulatorError::Sql)
        })
        .await
    }

    /// Runs statements as superuser in the application's database.
    ///
    /// Dropping the future doesn't stop them.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Sql`] with the server's error as its source.
    pub async fn execute(&self, sql: &str) -> Result<(), EmulatorError> {
        let (front, database, sql) =
            (Arc::clone(&self.front), self.database.clone(), sql.to_owned());
        self.on_engine(async move { front.cluster.execute(&database, &sql).await }).await
    }

    /// Ends all sessions of clients, as an administrator would (SQLSTATE 57P01).
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Sql`] if the server is down.
    pub async fn disconnect_all(&self) -> Result<(), EmulatorError> {
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )
        .await
    }

    /// Stops the server and starts it again, on the same port, with the same data. Sessions end
    /// (57P01); logins meanwhile are told that the server is starting up (57P03).
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Cluster`] if the server doesn't come up again.
    pub async fn restart(&self) -> Result<(), EmulatorError> {
        let front = Arc::clone(&self.front);
        self.on_engine(async move { front.cluster.restart().await }).await
    }

    pub(crate) fn ca_certificate(&self) -> &Path {
        &self.ca_certificate
    }

    /// The same authority and those of the system.
    pub(crate) fn ca_bundle(&self) -> &Path {
        &self.ca_bundle
    }

    /// Has the server's certificate replaced by one of a new authority, as happens when a certificate authority
    /// is replaced. Open sessions go on. The file of [`ca_certificate`](super::LocalAzure::ca_certificate)
    /// then begins with the new authority; the first one, which HTTPS keeps, follows.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Io`] if a file can't be written.
    pub fn replace_certificate_authority(&self) -> Result<(), EmulatorError> {
        let authority = Authority::create()?;
        let acceptor = authority.acceptor(&self.host, Some(certificate::ALPN))?;
        let both = authority.pem() + &self.first_authority;
        // Before the certificate: a client that is refused reads the files again.
        let cluster = &self.front.cluster;
        cluster.write("ca.pem", &both)?;
        cluster.write("ca-bundle.pem", &certificate::bundle(&both))?;
        *lock(&self.front.acceptor) = acceptor;
        Ok(())
    }

    async fn on_engine<F>(&self, work: F) -> Result<(), EmulatorError>
    where
        F: Future<Output = Result<(), EmulatorError>> + Send + 'static,
    {
        self.engine.spawn(work).await.unwrap_or(Err(EmulatorError::Stopped))
    }
}

/// Shows where the server is, never a secret.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("address", &self.address)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
