use std::{fmt, str::FromStr};

use super::{
    AdminError, Plan,
    quote::{check_role, literal},
};
use crate::error::text::write_as_problem_and_hint;

/// The database in which principals are managed, on every server.
pub(super) const ADMIN_DATABASE: &str = "postgres";

/// The type of a principal, as `pgaadauth` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PrincipalType {
    /// A person.
    User,
    /// A group whose members log in with their own tokens.
    Group,
    /// An application or a managed identity.
    Service,
}

impl PrincipalType {
    /// `user`, `group` or `service`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for PrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of `user`, `group` and `service`. `Display` reads `<problem>; <hint>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnknownPrincipalType;

impl UnknownPrincipalType {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        "write user, group or service"
    }

    fn problem(self) -> &'static str {
        "the text is no type of principal"
    }
}

write_as_problem_and_hint!(UnknownPrincipalType);

impl std::error::Error for UnknownPrincipalType {}

impl FromStr for PrincipalType {
    type Err = UnknownPrincipalType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::User, Self::Group, Self::Service]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownPrincipalType)
    }
}

/// A role that is to exist for a user, group or application of the tenant.
///
/// Prefer [`by_object_id`](Self::by_object_id): it names one object for ever, while a name may be
/// taken by another one, and looking names up needs a server that may read the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    role: String,
    object: Option<(String, PrincipalType)>,
    is_admin: bool,
    requires_mfa: bool,
}

impl Principal {
    /// The principal with this name in the tenant; the role gets the same name.
    ///
    /// That is the user principal name of a person (of a guest, with `#EXT#`) and the display name of
    /// others. Upper and lower case differ
    /// ([documentation](https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users)).
    pub fn by_name(name: impl Into<String>) -> Self {
        Self { role: name.into(), object: None, is_admin: false, requires_mfa: false }
    }

    /// The principal with this object id, under a role name of your choice.
    ///
    /// The object id of an application or managed identity is that of its service principal
    /// (`az ad sp show --id <client id> --query id`), not the client id.
    pub fn by_object_id(
        role: impl Into<String>,
        object_id: impl Into<String>,
        principal_type: PrincipalType,
    ) -> Self {
        let object = Some((object_id.into().to_ascii_lowercase(), principal_type));
        Self { role: role.into(), object, is_admin: false, requires_mfa: false }
    }

    /// Whether it is to be a Microsoft Entra administrator of the server. Not unless set.
    #[must_use]
    pub fn admin(mut self, is_admin: bool) -> Self {
        self.is_admin = is_admin;
        self
    }

    /// Whether its tokens must come from a multi-factor sign-in. Not unless set.
    #[must_use]
    pub fn mfa(mut self, requires_mfa: bool) -> Self {
        self.requires_mfa = requires_mfa;
        self
    }

    /// The name of the role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The statement that creates it, for the database `postgres`.
    ///
    /// # Errors
    ///
    /// [`AdminError::InvalidName`] and [`AdminError::InvalidObjectId`].
    pub fn plan(&self) -> Result<Plan, AdminError> {
        check_role(&self.role)?;
        let (role, admin, mfa) = (literal(&self.role), self.is_admin, self.requires_mfa);
        let call = match &self.object {
            None => format!("pgaadauth_create_principal({role}, {admin}, {mfa})"),
            Some((id, kind)) => {
                check_object_id(id)?;
                format!(
                    "pgaadauth_create_principal_with_oid({role}, '{id}', '{kind}', {admin}, {mfa})"
                )
            }
        };
        Ok(Plan::new(ADMIN_DATABASE, vec![format!("SELECT * FROM pg_catalog.{call}")]))
    }

    /// Whether what exists is this principal.
    pub(super) fn check(&self, existing: &ListedPrincipal) -> Result<(), AdminError> {
        let differs = |property| AdminError::Differs { role: self.role.clone(), property };
        if let Some((wanted, principal_type)) = &self.object {
            if !existing.object_id.eq_ignore_ascii_case(wanted) {
                return Err(AdminError::Conflict {
                    role: self.role.clone(),
                    existing: existing.object_id.clone(),
                    wanted: wanted.clone(),
                });
            }
            if existing.principal_type != Some(*principal_type) {
                return Err(differs("type"));
            }
        }
        if existing.is_admin != self.is_admin {
            return Err(differs("administrator flag"));
        }
        if existing.requires_mfa != self.requires_mfa {
            return Err(differs("multi-factor flag"));
        }
        Ok(())
    }
}

/// A role of the server that belongs to a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedPrincipal {
    /// The name of the role.
    pub role: String,
    /// What kind of principal it belongs to; `None` if it is one that this crate doesn't know.
    pub principal_type: Option<PrincipalType>,
    /// The object id of the principal.
    pub object_id: String,
    /// The tenant of the principal; empty if the server doesn't say.
    pub tenant_id: String,
    /// Whether its tokens must come from a multi-factor sign-in.
    pub requires_mfa: bool,
    /// Whether it is a Microsoft Entra administrator of the server.
    pub is_admin: bool,
}

/// A GUID in its usual form: 8, 4, 4, 4 and 12 hexadecimal digits.
fn check_object_id(id: &str) -> Result<(), AdminError> {
    let groups: Vec<_> = id.split('-').collect();
    let is_guid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_guid {
        return Ok(());
    }
    Err(AdminError::InvalidObjectId { object_id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5f0c1a2b-0000-4000-8000-00000000000a";

    #[test]
    fn the_statement_is_the_documented_call() {
        let by_name = Principal::by_name("o'brien@contoso.com").mfa(true).plan().unwrap();
        assert_eq!(
            by_name.statements(),
            [
                "SELECT * FROM pg_catalog.pgaadauth_create_principal('o''brien@contoso.com', false, true)"
            ]
        );
        let by_id = Principal::by_object_id("app", ID.to_uppercase(), PrincipalType::Service);
        assert_eq!(
            by_id.admin(true).plan().unwrap().statements(),
            [format!(
                "SELECT * FROM pg_catalog.pgaadauth_create_principal_with_oid('app', '{ID}', \
                 'service', true, false)"
            )]
        );
    }

    #[test]
    fn no_principal_has_a_role_that_stands_for_everyone() {
        for name in ["public", "none"] {
            for principal in [
                Principal::by_name(name),
                Principal::by_object_id(name, ID, PrincipalType::Service),
            ] {
                let plan = principal.plan();
                assert!(matches!(plan, Err(AdminError::InvalidName { .. })), "{principal:?}");
            }
        }
    }

    #[test]
    fn what_is_no_guid_is_no_object_id() {
        for id in ["", "orders-app", "5f0c1a2b00004000800000000000000a", &ID.replace('5', "'")] {
            let plan = Principal::by_object_id("app", id, PrincipalType::Service).plan();
            assert!(matches!(plan, Err(AdminError::InvalidObjectId { .. })), "{id}");
        }
    }
}
