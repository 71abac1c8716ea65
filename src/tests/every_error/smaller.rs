//! The errors of single values, of administration and of the proxy.

use super::entry;
use crate::{
    AccessToken,
    admin::{AdminError, Level, NameProblem, PrincipalType},
    source::CredentialChoice,
};

pub(super) fn of_values() -> Vec<String> {
    let claims = AccessToken::new("t", std::time::SystemTime::now()).unwrap().claims();
    let claims = claims.unwrap_err();
    let choice = "x".parse::<CredentialChoice>().unwrap_err();
    let level = "x".parse::<Level>().unwrap_err();
    let kind = "x".parse::<PrincipalType>().unwrap_err();
    vec![
        entry(&claims, claims.hint()),
        entry(&choice, choice.hint()),
        entry(&level, level.hint()),
        entry(&kind, kind.hint()),
    ]
}

pub(super) fn of_administration() -> Vec<String> {
    let cause = || "x".parse::<tokio_postgres::Config>().unwrap_err();
    let text = str::to_owned;
    let (role, database) = (|| text("app"), || text("orders"));
    let name = |problem| AdminError::InvalidName { name: text("n"), problem };
    let errors = [
        name(NameProblem::Empty),
        name(NameProblem::Nul),
        name(NameProblem::TooLong),
        name(NameProblem::Reserved),
        AdminError::InvalidObjectId { object_id: text("x") },
        AdminError::FunctionsMissing { database: database(), cause: cause() },
        AdminError::NotAdministrator { user: role(), cause: cause() },
        AdminError::NotInTenant { name: role(), cause: cause() },
        AdminError::Conflict { role: role(), existing: text("id-1"), wanted: text("id-2") },
        AdminError::Differs { role: role(), property: "type" },
        AdminError::RoleExists { role: role(), cause: cause() },
        AdminError::NotAPrincipal { role: role() },
        AdminError::WrongDatabase { connected: text("postgres"), wanted: database() },
        AdminError::RoleMissing { role: role() },
        AdminError::NotOwner { cause: cause() },
        AdminError::NotGranted {
            role: role(),
            missing: vec![text("SELECT on table public.orders")],
        },
        AdminError::NotRevoked {
            role: role(),
            left: vec![text("SELECT on table public.orders, granted by sales")],
        },
        AdminError::PassedOn { role: role(), cause: cause() },
        AdminError::Sql { step: text("list the principals"), cause: cause() },
    ];
    errors.iter().map(|error| entry(error, error.hint())).collect()
}
