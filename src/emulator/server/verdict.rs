//! Whether a password or token opens a role, and the words in which Azure says no.

use serde_json::Value;

use super::{
    super::{
        facts::AUDIENCE,
        jwt::{ClaimSet, Invalid},
        mint::{Mint, number_of},
        principals::{PASSWORD_ROLE, TENANT_ID},
        unix_now,
    },
    roles::RoleMapping,
};
use crate::{admin::PrincipalType, secret::Secret, wire::Refusal};

/// `invalid_authorization_specification`: what Azure refuses tokens with. The class is from a report of
/// asyncpg's `InvalidAuthorizationSpecificationError`
/// ([report](https://github.com/MicrosoftDocs/azure-docs/issues/120133)); that all texts have it, is
/// assumed.
const INVALID_AUTHORIZATION: &str = "28000";
/// `invalid_password`: what PostgreSQL refuses passwords with
/// ([codes](https://www.postgresql.org/docs/current/errcodes-appendix.html)).
const INVALID_PASSWORD: &str = "28P01";

/// For what is no token ([report](https://github.com/Azure-Samples/rag-postgres-openai-python/issues/161)).
const INVALID_FORMAT: &str = "The access token has invalid format. Please ensure the token is \
                              passed exactly as returned by the authentication endpoint and retry.";
/// For a token that can't be trusted, without a full stop
/// ([report](https://github.com/cyrilgdn/terraform-provider-postgresql/issues/60)).
const NOT_VALIDATED: &str =
    "An error occurred while validating the access token. Please acquire a new token and retry";
/// ([report](https://github.com/darold/ora2pg/issues/1851))
const EXPIRED: &str = "The access token has expired. Acquire a new token and try again.";
/// For a token that belongs to no object of the tenant
/// ([report](https://github.com/microsoft/vscode-pgsql/issues/183)).
const NO_OBJECT_ID: &str =
    "The access token doesn't have a valid oid claim. Acquire a new token and try again.";

/// What the server knows about those who may log in.
pub(crate) struct Judge<'a> {
    pub(crate) mint: &'a Mint,
    pub(crate) role_password: &'a Secret,
    /// Tokens with a number up to this one count as expired.
    pub(crate) expired_up_to: u64,
}

impl Judge<'_> {
    /// Judges a login to a role that belongs to this principal. Texts and SQLSTATEs are those that
    /// users of Azure have reported.
    pub(crate) fn judge(
        &self,
        role: &str,
        mapping: Option<&RoleMapping>,
        password: &str,
    ) -> Result<(), Refusal> {
        if password.is_empty() {
            return Err(Refusal::new(INVALID_PASSWORD, "empty password returned by client"));
        }
        if role == PASSWORD_ROLE {
            let is_right = password == self.role_password.expose();
            return if is_right { Ok(()) } else { Err(wrong_password(role)) };
        }
        let mapping = mapping.ok_or_else(|| wrong_password(role))?;
        let claims = self.mint.verify(password).map_err(|invalid| match invalid {
            Invalid::Format => token_refusal(INVALID_FORMAT),
            Invalid::Signature => token_refusal(NOT_VALIDATED),
        })?;
        self.check_time(&claims)?;
        check_audience(&claims)?;
        check_tenant(&claims)?;
        check_principal(role, mapping, &claims)
    }

    fn check_time(&self, claims: &ClaimSet) -> Result<(), Refusal> {
        let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        let is_cut_off = number_of(claims).is_some_and(|number| number <= self.expired_up_to);
        if expires <= unix_now() || is_cut_off {
            return Err(token_refusal(EXPIRED));
        }
        Ok(())
    }
}

/// ([report](https://github.com/microsoft/azuredatastudio-postgresql/issues/505))
fn check_audience(claims: &ClaimSet) -> Result<(), Refusal> {
    if text(claims, "aud") == Some(AUDIENCE) {
        return Ok(());
    }
    Err(token_refusal(format!(
        "The access token does not have a valid audience claim. Please acquire a new token for the \
         resource \"{AUDIENCE}\"."
    )))
}

/// In which words Azure refuses a token of another tenant, nobody has reported.
fn check_tenant(claims: &ClaimSet) -> Result<(), Refusal> {
    if text(claims, "tid") == Some(TENANT_ID) { Ok(()) } else { Err(token_refusal(NOT_VALIDATED)) }
}

/// The type first, then the object. A group's role takes any principal: who is a member is not known
/// here.
fn check_principal(role: &str, mapping: &RoleMapping, claims: &ClaimSet) -> Result<(), Refusal> {
    let object_id = text(claims, "oid").ok_or_else(|| token_refusal(NO_OBJECT_ID))?;
    let is_app = text(claims, "idtyp") == Some("app");
    match mapping.principal_type {
        PrincipalType::Service if !is_app => Err(not_a_service_principal(role)),
        PrincipalType::Service => check_service_principal(mapping, claims, object_id),
        PrincipalType::User if is_app => Err(not_a_user(role)),
        PrincipalType::User if object_id != mapping.object_id => Err(wrong_password(role)),
        PrincipalType::User | PrincipalType::Group => Ok(()),
    }
}

/// The label may name the application in place of the object, as the text lets one expect. Where the
/// role's name belongs, the text has its own second half
/// ([report](https://github.com/cyrilgdn/terraform-provider-postgresql/issues/423)).
fn check_service_principal(
    mapping: &RoleMapping,
    claims: &ClaimSet,
    object_id: &str,
) -> Result<(), Refusal> {
    let app_id = text(claims, "appid").unwrap_or_default();
    let label = &mapping.object_id;
    if label == object_id || label == app_id {
        return Ok(());
    }
    Err(token_refusal(format!(
        "Service principal oid mismatch for role \"The oid in the security label [{label}] does not \
         match the appid [{app_id}] or oid [{object_id}] in the token.\""
    )))
}

/// ([report](https://github.com/MicrosoftDocs/azure-docs/issues/120133))
fn not_a_service_principal(role: &str) -> Refusal {
    token_refusal(format!(
        "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \"{role}\"."
    ))
}

/// ([documentation](https://learn.microsoft.com/azure/container-apps/tutorial-java-quarkus-connect-managed-identity-postgresql-database))
fn not_a_user(role: &str) -> Refusal {
    token_refusal(format!(
        "Microsoft Entra user token for role \"{role}\" is neither an \
         AAD_AUTH_TOKENTYPE_APP_USER or an AAD_AUTH_TOKENTYPE_APP_OBO token."
    ))
}

fn text<'a>(claims: &'a ClaimSet, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

fn token_refusal(message: impl Into<String>) -> Refusal {
    Refusal::new(INVALID_AUTHORIZATION, message)
}

fn wrong_password(role: &str) -> Refusal {
    Refusal::new(INVALID_PASSWORD, format!("password authentication failed for user \"{role}\""))
}
