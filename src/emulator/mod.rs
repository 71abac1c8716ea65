//! A local Azure on loopback: for tests, demonstrations and rehearsals (feature `emulator`, Unix only).
//!
//! [`LocalAzure`] starts what an application meets in Azure: the identity endpoints of each [`Platform`], of Cloud
//! Shell, of Microsoft Entra ID and of AKS identity bindings, and a PostgreSQL server that takes their tokens. The
//! server
//! is the real one that is installed on the machine (`apt-get install postgresql`,
//! `brew install postgresql@17`), run privately and removed afterwards. A front before it speaks TLS,
//! checks tokens as Azure does, and refuses them in Azure's words.
//!
//! ```no_run
//! use postgres_entra::emulator::{ClientType, LocalAzure, Login, Platform};
//!
//! # async fn run() -> Result<(), postgres_entra::emulator::EmulatorError> {
//! let azure = LocalAzure::start().await?;
//! let login = Login::SystemAssigned(Platform::AppService);
//! for (name, value) in azure.vars(login, ClientType::Python) {
//!     println!("{name}={value}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Faults on demand rehearse bad days: [`IdentityService::set_fault`], [`Server::set_fault`],
//! [`Server::restart`], [`Server::reject_tokens_issued_before_now`].
//!
//! For applications in other languages, `postgres-entra local-azure` (features `cli` and `emulator`) serves in
//! the foreground and prints the variables; with `-- COMMAND ARGS` it runs the command with them.
//!
//! # Administration
//!
//! [`Login::Administrator`] is the Microsoft Entra administrator of the server. In the database
//! `postgres` it has the functions `pgaadauth_create_principal`, `pgaadauth_create_principal_with_oid`
//! and `pgaadauth_list_principals`, and it owns the application's database, so [`crate::admin`] works
//! here as in Azure. Whom a role belongs to is a security label of the provider `pgaadauth`, shown by
//! `pg_seclabels`, and logins are judged by it. Only the statement `SECURITY LABEL` is missing: it needs a
//! provider inside the server, which a stock PostgreSQL doesn't have. [`Server::map_role`] does the same.
//!
//! # What it is not
//!
//! Azure. Its tokens open nothing but itself, and on other systems than Unix the module is absent. What
//! differs, as far as is known:
//!
//! - The texts and SQLSTATEs of refusals are those that users have reported. Where nobody has, as for a
//!   token of another tenant or of another person, a general one stands in.
//! - Groups have no members: the role of a group takes the token of any principal of the tenant. Network
//!   rules are not modelled.
//! - A role that belongs to a principal takes only tokens. Only the role of [`Login::Password`] takes a
//!   password; the front checks it, so `CREATE ROLE ... PASSWORD` has no effect on logins.
//! - As in Azure, no role may create tables in the schema `public` from PostgreSQL 15 on until that is
//!   granted: `permission denied for schema public` is what a first migration meets.
//!   [`LocalAzureBuilder::roles_may_create_tables`] and `local-azure --create-tables` grant it from the start,
//!   as `GRANT USAGE, CREATE ON SCHEMA public TO ...` does. Up to PostgreSQL 14 everybody may.
//! - That a role is marked `mfa` is kept and listed, but its tokens are not asked for multi-factor claims.
//! - TLS without the request before it (`sslnegotiation=direct`) is served whatever the version of the
//!   installed PostgreSQL; the real server has it from version 17 on.
//! - A start-up message that names a parameter twice is refused, while the real server takes the last
//!   value: whoever is judged must be whom it serves.
//! - The server is a stock one, without Azure's parameters, extensions, limits and PgBouncer.

mod builder;
mod certificate;
mod client_type;
mod cluster;
mod engine;
mod error;
mod facts;
mod identity;
mod jwt;
mod login;
mod mint;
mod net;
mod principals;
mod random;
mod server;
mod vars;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use self::engine::Engine;
pub use self::{
    builder::LocalAzureBuilder,
    client_type::ClientType,
    error::EmulatorError,
    identity::{IdentityFault, IdentityService, Protocol, RecordedRequest},
    login::{Login, Platform},
    mint::TokenSpec,
    principals::TENANT_ID,
    server::{Server, ServerFault},
};
pub use crate::admin::PrincipalType;
use crate::clock::{Clock, SystemClock};

/// A local Azure. Dropping it stops everything, removes its folder and waits for both.
///
/// [`start`](Self::start) takes what its module shows; [`builder`](Self::builder) is for the rarer wishes.
///
/// It lives on a thread of its own, so it serves callers of any runtime. Nothing outlives the process
/// that started it, however that ends: also an instance in a `static` is cleaned up after the process
/// has exited, panicked or been killed.
#[derive(Debug)]
pub struct LocalAzure {
    // Dropped first: its tasks share the server.
    #[expect(dead_code, reason = "held for what its drop does")]
    engine: Engine,
    identity_service: IdentityService,
    server: Server,
}

impl LocalAzure {
    /// Starts one with default settings. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`LocalAzureBuilder::start_blocking`].
    pub async fn start() -> Result<Self, EmulatorError> {
        Self::builder().start().await
    }

    /// Starts one with default settings and blocks until it serves: for statics and programs without
    /// a runtime.
    ///
    /// # Errors
    ///
    /// As [`LocalAzureBuilder::start_blocking`].
    pub fn start_blocking() -> Result<Self, EmulatorError> {
        Self::builder().start_blocking()
    }

    /// The settings of one that is to be started.
    pub fn builder() -> LocalAzureBuilder {
        LocalAzureBuilder::new()
    }

    /// The variables that Service Connector and the platform would set for an application with this
    /// identity and of this client type. They hold secrets of this local Azure.
    ///
    /// `PGHOSTADDR`, `PGSSLROOTCERT` and, where the client type names no port, `PGPORT` lead to this
    /// machine in place of Azure.
    pub fn vars(&self, login: Login, client: ClientType) -> Vec<(String, String)> {
        vars::of(self, login, client)
    }

    /// The same for an application that logs in through an Azure SDK of another language.
    ///
    /// These take no base for Microsoft Entra ID but one with TLS, and an application with a secret under
    /// names of their own (`AZURE_CLIENT_SECRET`). So this names both, and a file of certificate
    /// authorities in the variables of OpenSSL, Python's requests and Node.js: those of the system, where
    /// they are found, and this one. What is left to the application is to turn instance discovery off,
    /// which is no variable (`disable_instance_discovery=True` in Python).
    pub fn vars_for_azure_sdks(&self, login: Login, client: ClientType) -> Vec<(String, String)> {
        vars::for_azure_sdks(self, login, client)
    }

    /// Adds a person, a group or an application to the tenant, so that
    /// [`Principal::by_name`](crate::admin::Principal::by_name) finds it. The object id is a GUID of
    /// your choice; [`TokenSpec`] makes tokens with it.
    ///
    /// # Errors
    ///
    /// [`EmulatorError::Sql`] if the server is down.
    pub async fn add_principal(
        &self,
        name: &str,
        object_id: &str,
        principal_type: PrincipalType,
    ) -> Result<(), EmulatorError> {
        self.server.add_principal(name, object_id, principal_type).await
    }

    /// The PostgreSQL side.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The identity endpoints.
    pub fn identity_service(&self) -> &IdentityService {
        &self.identity_service
    }

    /// The file of the certificate authority that signed the certificates of the server and of
    /// [`IdentityService::https_url`], as PEM.
    pub fn ca_certificate(&self) -> &Path {
        self.server.ca_certificate()
    }
}

/// Locks, also after another thread panicked with the lock: no critical section leaves half a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since 1970.
fn unix_now() -> i64 {
    let since = SystemClock.now().wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
