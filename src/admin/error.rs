use tokio_postgres::{Error, error::SqlState};

use super::{NameProblem, Plan, Remains};
use crate::error::text::write_as_problem_and_hint;

/// Why something could not be administered. Nothing was changed, unless the connection broke during the
/// commit: then run it again.
///
/// Each variant says who must act. `Display` reads `<problem>; <hint>`; the server's own error is the
/// [`source`](std::error::Error::source).
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// A name can't be that of a role, database or schema: choose another.
    #[non_exhaustive]
    InvalidName {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// An object id is not a GUID: look it up in the tenant.
    #[non_exhaustive]
    InvalidObjectId {
        /// What was given.
        object_id: String,
    },
    /// The connected database has no `pgaadauth` functions: connect to another, or to another server.
    #[non_exhaustive]
    FunctionsMissing {
        /// The connected database.
        database: String,
        /// The server's answer.
        #[source]
        cause: Error,
    },
    /// The connected role may not manage principals: log in as a Microsoft Entra administrator.
    #[non_exhaustive]
    NotAdministrator {
        /// The role that is logged in.
        user: String,
        /// The server's answer.
        #[source]
        cause: Error,
    },
    /// The tenant has no principal of this name: correct the name, or use the object id.
    #[non_exhaustive]
    NotInTenant {
        /// The name that was looked for.
        name: String,
        /// The server's answer.
        #[source]
        cause: Error,
    },
    /// The role belongs to another principal: someone has to decide which is right.
    #[non_exhaustive]
    Conflict {
        /// The role.
        role: String,
        /// The object id that it belongs to.
        existing: String,
        /// The object id that was asked for.
        wanted: String,
    },
    /// The role belongs to this principal, but was created otherwise: decide which is right.
    #[non_exhaustive]
    Differs {
        /// The role.
        role: String,
        /// What is different.
        property: &'static str,
    },
    /// A role of this name exists: [`ensure_principal`](super::ensure_principal) says whose it is.
    #[non_exhaustive]
    RoleExists {
        /// The role.
        role: String,
        /// The server's answer.
        #[source]
        cause: Error,
    },
    /// The role exists and belongs to no principal: choose another name, or label the role.
    #[non_exhaustive]
    NotAPrincipal {
        /// The role.
        role: String,
    },
    /// Grants are made in the database that they are for: connect to that one.
    #[non_exhaustive]
    WrongDatabase {
        /// The connected database.
        connected: String,
        /// The database of the grant.
        wanted: String,
    },
    /// There is no such role: create the principal first.
    #[non_exhaustive]
    RoleMissing {
        /// The role.
        role: String,
    },
    /// The connected role may not grant or revoke this: the owner of the objects has to, or an
    /// administrator of the role.
    #[non_exhaustive]
    NotOwner {
        /// The server's answer, which names the object.
        #[source]
        cause: Error,
    },
    /// The server took the grant and gave less, as it does where the connected role may grant only a
    /// part: the owners of the objects have to run the same grant.
    #[non_exhaustive]
    NotGranted {
        /// The role.
        role: String,
        /// What it lacks, each as `SELECT on table public.orders`.
        missing: Vec<String>,
    },
    /// The role would have kept a part, since the connected role may take away only what it, or a role
    /// that it is a member of, has granted: whoever granted the rest has to revoke it.
    #[non_exhaustive]
    NotRevoked {
        /// The role.
        role: String,
        /// What would be left, each as `SELECT on table public.orders, granted by sales`.
        left: Vec<String>,
    },
    /// The role has granted to others what it is to lose: revoke that first.
    #[non_exhaustive]
    PassedOn {
        /// The role.
        role: String,
        /// The server's answer, which names the object.
        #[source]
        cause: Error,
    },
    /// The role owns objects or has privileges: decide what is to become of them.
    #[non_exhaustive]
    StillInUse {
        /// The role.
        role: String,
        /// What it has, in each database.
        remains: Vec<Remains>,
        /// The statements that let it be dropped, each plan in its database and committed before the
        /// next: they end its logins and its sessions first, and then hand over what it owns.
        removal: Vec<Plan>,
        /// The same as a text.
        advice: String,
    },
    /// Another session held a lock for too long: wait for it, or end it.
    #[non_exhaustive]
    Locked {
        /// What was waiting.
        step: String,
        /// Who holds the lock; where the server doesn't tell, everyone who may. Nobody, if it was
        /// released meanwhile.
        holders: Vec<String>,
        /// What they have to do.
        advice: String,
        /// The server's answer.
        #[source]
        cause: Error,
    },
    /// The server refused a statement for another reason, or the connection broke.
    #[non_exhaustive]
    Sql {
        /// What it was to do, with the statement where it is one of a [`Plan`](super::Plan).
        step: String,
        /// What went wrong.
        #[source]
        cause: Error,
    },
}

impl AdminError {
    /// What is wrong.
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::InvalidName { name, problem } => {
                format!("the name {name:?} can't be used: {problem}")
            }
            Self::InvalidObjectId { object_id } => format!("{object_id:?} is no object id"),
            Self::FunctionsMissing { database, .. } => {
                format!("the database {database:?} has no pgaadauth functions")
            }
            Self::NotAdministrator { user, .. } => {
                format!("the role {user:?} may not manage principals")
            }
            Self::NotInTenant { name, .. } => format!("the tenant has no principal named {name:?}"),
            Self::Conflict { role, existing, wanted } => {
                format!("the role {role:?} belongs to the object id {existing}, not to {wanted}")
            }
            Self::Differs { role, property } => {
                format!("the role {role:?} exists with another {property}")
            }
            Self::RoleExists { role, .. } => format!("the role {role:?} exists"),
            Self::NotAPrincipal { role } => {
                format!("the role {role:?} exists and belongs to no Microsoft Entra principal")
            }
            Self::WrongDatabase { connected, wanted } => format!(
                "the connection is to the database {connected:?}, and the grant is for {wanted:?}"
            ),
            Self::RoleMissing { role } => format!("there is no role {role:?}"),
            Self::NotOwner { .. } => "the connected role may not grant or revoke this".to_owned(),
            Self::NotGranted { role, missing } => {
                format!("the role {role:?} still lacks {}", missing.join(", "))
            }
            Self::NotRevoked { role, left } => {
                format!("the role {role:?} would keep {}", left.join("; "))
            }
            Self::PassedOn { role, .. } => {
                format!("the role {role:?} has granted this to other roles")
            }
            Self::StillInUse { role, remains, .. } => format!(
                "the role {role:?} can't be dropped while it has something: {}",
                listed(remains)
            ),
            Self::Locked { step, .. } => {
                format!("the server did not {step}, because another session held a lock")
            }
            Self::Sql { step, .. } => format!("the server did not {step}"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::InvalidName { .. } => "choose another name",
            Self::InvalidObjectId { .. } => "give a GUID, which `az ad sp show --query id` prints",
            Self::FunctionsMissing { .. } => {
                "connect to the database \"postgres\" of a server with Microsoft Entra \
                 authentication, as a Microsoft Entra administrator"
            }
            Self::NotAdministrator { .. } => {
                "log in as a Microsoft Entra administrator of the server"
            }
            Self::NotInTenant { .. } => {
                "mind that names are case-sensitive, or create the role by object id"
            }
            Self::Conflict { .. } => "drop the role first if the old principal is to lose it",
            Self::Differs { .. } => "drop it first if it is to change",
            Self::RoleExists { .. } => {
                "use ensure_principal, which takes a role that is this principal's already"
            }
            Self::NotAPrincipal { .. } => {
                "use another name, or map it with SECURITY LABEL FOR \"pgaadauth\""
            }
            Self::WrongDatabase { .. } => "connect to the database of the grant",
            Self::RoleMissing { .. } => "create the principal first",
            Self::NotOwner { .. } => {
                "let the owner of the objects, or an administrator of the role, do the same"
            }
            Self::NotGranted { .. } => "the owners of the objects have to run the same grant",
            Self::NotRevoked { .. } => "whoever granted that has to revoke it",
            Self::PassedOn { .. } => "let it, or the owner of the objects, revoke that first",
            Self::StillInUse { advice, .. } | Self::Locked { advice, .. } => advice,
            Self::Sql { .. } => "see the server's own error, which is the cause",
        }
    }
}

write_as_problem_and_hint!(AdminError);

fn listed(remains: &[Remains]) -> String {
    let texts: Vec<_> = remains.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// How what is in the way of dropping a role is removed.
pub(super) fn how_to_remove(removal: &[Plan]) -> String {
    let text = |plan: &Plan| format!("in {:?}: {}", plan.database(), plan.statements().join("; "));
    let texts: Vec<_> = removal.iter().map(text).collect();
    format!(
        "to hand over what it owns to the connected role and take away the rest, run in this order: {}",
        texts.join("; ")
    )
}

/// What lets go of a lock that these hold.
pub(super) fn how_to_unlock(holders: &[String]) -> String {
    match holders {
        [] => "run this again: the lock is released".to_owned(),
        [holder] => format!("{holder} has to commit, or an administrator to end that session"),
        several => format!(
            "one of these has to commit, or an administrator to end that session: {}",
            several.join(", ")
        ),
    }
}

impl AdminError {
    pub(super) fn sql(step: impl Into<String>) -> impl FnOnce(Error) -> Self {
        let step = step.into();
        move |cause| Self::Sql { step, cause }
    }

    /// Whether another session was changing the same object, or waited for this one in turn and the
    /// server ended this one. For the former the server has no SQLSTATE, and doesn't translate the text.
    pub(super) fn is_conflict(&self) -> bool {
        let Self::Sql { cause, .. } = self else { return false };
        cause.as_db_error().is_some_and(|error| {
            *error.code() == SqlState::T_R_DEADLOCK_DETECTED
                || *error.code() == SqlState::INTERNAL_ERROR
                    && error.message() == "tuple concurrently updated"
        })
    }

    /// The cause of an [`AdminError::Sql`] with this SQLSTATE, to make a clearer error of; else the
    /// error as it is.
    pub(super) fn with_state(self, state: &SqlState) -> Result<Error, Self> {
        match self {
            Self::Sql { cause, .. } if cause.code() == Some(state) => Ok(cause),
            error => Err(error),
        }
    }
}
