//! Roles for Microsoft Entra principals, and what they may do: for deployment jobs.
//!
//! Two things have to happen before an application can log in with a token: a Microsoft Entra
//! administrator creates a role that belongs to the application's identity, and the role is granted what
//! it needs. They happen in two databases of the same server:
//!
//! - principals, in the database `postgres`, where the functions of `pgaadauth` are
//!   ([`ensure_principal`], [`create_principal`], [`list_principals`], [`drop_principal`]);
//! - grants, in the database of the application ([`grant`], [`revoke`], [`privileges`]).
//!
//! ```no_run
//! use postgres_entra::{
//!     Connector, Settings,
//!     admin::{self, Grant, Level, Principal, PrincipalType},
//! };
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // The administrator's variables, with the application's database.
//! let connector = Connector::from_env()?;
//! let settings: Settings = connector.settings().clone().with_database("postgres");
//! let administration = Connector::builder()
//!     .settings(settings)
//!     .token_cache(connector.token_cache().ok_or("an administrator logs in with a token")?.clone())
//!     .build()?;
//!
//! let object_id = "a17d3f52-84c9-4e0b-b6d1-f2953c7e8a01";
//! let principal = Principal::by_object_id("aad_orders", object_id, PrincipalType::Service);
//! let mut client = administration.connect().await?;
//! println!("{}", admin::ensure_principal(&mut client, &principal).await?);
//!
//! let mut client = connector.connect().await?;
//! let grant = Grant::new("aad_orders", "orders", Level::Write);
//! println!("{}", admin::grant(&mut client, &grant).await?);
//! # Ok(())
//! # }
//! ```
//!
//! Every operation is one transaction, reports what it changed, and changes nothing if it fails. All but
//! [`create_principal`] work again if they are run twice. No operation drops or hands over what a role
//! owns. A [`Plan`] shows the statements before anything is run: [`Principal::plan`], [`Grant::plan`].
//!
//! Besides the errors that each names, every operation can fail with [`AdminError::Sql`], and with
//! [`AdminError::Locked`] after 30 seconds, or the session's own `lock_timeout` if that is shorter. A
//! deadline over all is the caller's: dropping the future undoes what was not committed. The session's
//! `search_path` and default transaction mode don't matter.

mod error;
mod grant;
mod grants;
mod level;
mod locks;
mod plan;
mod principal;
mod principals;
mod privileges;
mod quote;
mod remains;
mod revoke;
mod session;

use std::fmt;

pub use self::{
    error::AdminError,
    grant::Grant,
    grants::{GrantOutcome, grant},
    level::{Level, UnknownLevel},
    plan::Plan,
    principal::{ListedPrincipal, Principal, PrincipalType, UnknownPrincipalType},
    principals::{create_principal, drop_principal, ensure_principal, list_principals},
    privileges::{Object, Privilege, privileges},
    quote::NameProblem,
    remains::Remains,
    revoke::{RevokeOutcome, revoke},
};

/// What an operation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// The role was created.
    Created,
    /// The role was dropped.
    Dropped,
    /// Everything was as it was to be.
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Dropped => "dropped",
            Self::Unchanged => "unchanged",
        })
    }
}
