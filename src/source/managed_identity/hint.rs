//! What to do about a refusal of a managed-identity endpoint.
//!
//! Microsoft may change the texts at any time, so they choose a hint and nothing else.

use super::{app_service, azure_arc, cloud_shell, container_instances, imds, msi_endpoint};
use crate::{
    error::{TokenError, TokenErrorKind},
    source::answer::{aadsts, refusal::Refusal},
};

pub(super) const ELSEWHERE: &str = "this machine seems to have no managed identity; on your own machine, run \
     `az login` and set AZURE_TOKEN_CREDENTIALS=dev; elsewhere outside Azure, log in with a service \
     principal (AZURE_POSTGRESQL_TENANTID, AZURE_POSTGRESQL_CLIENTID, AZURE_POSTGRESQL_CLIENTSECRET)";

/// For IMDS.
const NOT_ON_MACHINE: &str = "assign the managed identity to this machine, and check the client id if one is set \
     (AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or Spring's client-id); on AKS, check the pod's label \
     azure.workload.identity/use and its service account";

/// For App Service, Functions and Container Apps.
const NOT_ON_APP: &str = "assign the managed identity to this app; a user-assigned one has to be named by its client id \
     (AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or Spring's client-id)";

const POD_IDENTITY: &str = "the pod's identity is not assigned (yet): check its AzureIdentityBinding and the \
     label aadpodidbinding, or move to workload identity, which has taken the place of pod identity";

const SEVERAL: &str = "name the identity that is meant: set its client id (AZURE_POSTGRESQL_CLIENTID, \
     AZURE_CLIENT_ID or Spring's client-id)";

const BROKEN: &str = "the identity was deleted or made anew, or its credential at the platform is out of \
     date: assign it to this resource again, or wait some minutes; there is no secret to renew here";

const HEADER: &str = "the endpoint does not accept the value of IDENTITY_HEADER: leave it as the \
     platform sets it, and restart the application, since each start has another; or a proxy answers in its place";

const SECRET: &str = "the endpoint does not accept the value of MSI_SECRET: leave it as the platform sets it, and \
     restart the application, since each start has another; or a proxy answers in its place";

const BY_OBJECT_ID: &str = "no system-assigned identity is assigned here: assign one, or name a user-assigned one by \
     its object id (source::ContainerInstances::with_object_id)";

const OWN_SIGN_IN: &str = "Cloud Shell's own sign-in has no token for this server: run `az login` there and set \
     AZURE_TOKEN_CREDENTIALS=AzureCliCredential";

const NOT_ARC: &str = "check the identity that the settings name; if this is not Azure Arc, for which \
     IDENTITY_ENDPOINT with IMDS_ENDPOINT stands, unset IMDS_ENDPOINT";

const NOT_CLOUD_SHELL: &str = "if this is not Cloud Shell, for which MSI_ENDPOINT without MSI_SECRET stands, unset \
     MSI_ENDPOINT, or leave both as the platform sets them";

const STRIPPED: &str = "something on the way takes the header `Metadata` out of the request, such as a \
     proxy: let requests to the identity endpoint go straight to it";

const NOT_AZURE: &str = "something else answers: the metadata service of another cloud (then log in with a service \
     principal: AZURE_POSTGRESQL_TENANTID, AZURE_POSTGRESQL_CLIENTID, AZURE_POSTGRESQL_CLIENTSECRET), or a proxy \
     (then let requests to the identity endpoint go past it)";

const NOT_PLATFORM: &str = "something else answers than the platform's identity endpoint: leave IDENTITY_ENDPOINT (or MSI_ENDPOINT) \
     as the platform sets it, and let requests to it go past any proxy";

/// Texts in lower case, and what they stand for. IMDS, App Service, Functions and Container Apps say that
/// an identity is not assigned in different ways
/// ([1](https://github.com/Azure/azure-sdk-for-net/issues/43691),
/// [2](https://github.com/Azure/azure-cli/issues/20196)), and so does AKS pod identity
/// ([source](https://github.com/Azure/aad-pod-identity/blob/master/pkg/nmi/server/server.go)).
const TEXTS: &[(&str, &str)] = &[
    ("multiple user assigned", SEVERAL),
    ("identity not found", NOT_ON_MACHINE),
    ("managed identity found", NOT_ON_APP),
    ("unable to load the proper managed identity", NOT_ON_APP),
    ("unable to load requested managed identity", NOT_ON_APP),
    ("no msi found", NOT_ON_APP),
    ("no azure identity found", POD_IDENTITY),
    ("assigned identities for pod", POD_IDENTITY),
    ("no azureassignedidentity found", POD_IDENTITY),
    // Docker Desktop answers in the place of IMDS and says that it can't reach it.
    ("dial tcp", ELSEWHERE),
    ("unreachable network", ELSEWHERE),
    ("required metadata header", STRIPPED),
    // Container Instances, in the words of Service Fabric
    // (https://github.com/Azure/azure-sdk-for-net/issues/45547).
    ("defaultidentitynotdefined", SEVERAL),
    ("managedidentitynotfound", NOT_ON_MACHINE),
    // https://learn.microsoft.com/azure/cloud-shell/msi-authorization
    ("audiencenotsupported", OWN_SIGN_IN),
    ("supported msi token audience", OWN_SIGN_IN),
    // Google's metadata service.
    ("metadata-flavor", NOT_AZURE),
];

/// Whether the endpoint knows no such identity, as far as it has heard: an assignment takes some seconds to
/// reach it.
pub(in crate::source) fn may_be_assigned_soon(error: &TokenError) -> bool {
    [NOT_ON_MACHINE, NOT_ON_APP].contains(&error.hint())
}

/// The hint, if there is a better one than that of the code or of the kind.
pub(super) fn of(
    source: &str,
    status: u16,
    kind: TokenErrorKind,
    refusal: &Refusal,
) -> Option<&'static str> {
    if aadsts::is_about_proof(&refusal.aadsts) {
        return Some(BROKEN);
    }
    if aadsts::find(&refusal.aadsts).is_some() {
        return None;
    }
    let code = refusal.code.as_deref().unwrap_or_default();
    let said = format!("{code} {}", refusal.text).to_ascii_lowercase();
    match TEXTS.iter().find(|(part, _)| said.contains(part)) {
        Some(&(_, SEVERAL)) if source == container_instances::NAME => return Some(BY_OBJECT_ID),
        Some(&(_, hint)) => return Some(hint),
        None => {}
    }
    let is_page = !refusal.is_json && !refusal.text.is_empty();
    let is_about_secret =
        (status == 401 && refusal.aadsts.is_empty()) || (status == 403 && is_page);
    match status {
        401 | 403 if is_about_secret && secret_of(source).is_some() => secret_of(source),
        // What is overloaded may answer anything.
        408 | 429 | 500.. => None,
        _ if !is_page && kind != TokenErrorKind::InvalidResponse => mistaken_for(source),
        _ if source == imds::NAME => Some(NOT_AZURE),
        _ => Some(NOT_PLATFORM),
    }
}

/// The hint where a variable that was left behind would have led here.
fn mistaken_for(source: &str) -> Option<&'static str> {
    match source {
        azure_arc::NAME => Some(NOT_ARC),
        cloud_shell::NAME => Some(NOT_CLOUD_SHELL),
        _ => None,
    }
}

/// The hint where the endpoint asks for a secret of a variable, and has not been given it.
fn secret_of(source: &str) -> Option<&'static str> {
    match source {
        app_service::NAME | container_instances::NAME => Some(HEADER),
        msi_endpoint::NAME => Some(SECRET),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::answer::refusal::kind_of;

    fn hint(source: &str, status: u16, body: &str) -> &'static str {
        let refusal = Refusal::read(body.as_bytes(), &[]);
        of(source, status, kind_of(status), &refusal).unwrap_or("none")
    }

    #[test]
    fn the_text_tells_whose_matter_it_is() {
        let cases = [
            ("IMDS", 404, "no azure identity found for request clientID 1", POD_IDENTITY),
            (
                "IMDS",
                404,
                "getting assigned identities for pod default/app in ASSIGNED state failed after 16 \
                 attempts, retry duration [5]s, error: <nil>",
                POD_IDENTITY,
            ),
            (
                "IMDS",
                403,
                "no AzureAssignedIdentity found for pod:default/app in assigned state",
                POD_IDENTITY,
            ),
            ("IMDS", 404, "<html><head><title>404 - Not Found</title></head></html>", NOT_AZURE),
            ("IMDS", 401, "<html><head><title>401 - Unauthorized</title></head></html>", NOT_AZURE),
            ("IMDS", 403, "Missing Metadata-Flavor:Google header.", NOT_AZURE),
            ("IMDS", 404, "404 Not Found: The resource could not be found.", NOT_AZURE),
            (
                "IMDS",
                400,
                r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#,
                STRIPPED,
            ),
            ("App Service", 401, "Invalid secret token header", HEADER),
            (
                "App Service",
                401,
                r#"{"statusCode":401,"message":"The X-IDENTITY-HEADER is missing or does not match."}"#,
                HEADER,
            ),
            ("App Service", 401, "Unauthorized", HEADER),
            ("App Service", 403, "Forbidden", HEADER),
            ("MSI endpoint", 401, "Invalid secret token header", SECRET),
            ("App Service", 404, "<html>Not here</html>", NOT_PLATFORM),
            ("App Service", 401, r#"{"statusCode":401,"message":"Unauthorized"}"#, HEADER),
            ("App Service", 500, "An error occurred", "none"),
            ("App Service", 503, "<html><h1>Service unavailable</h1></html>", "none"),
            ("IMDS", 502, "<html><h1>Bad gateway</h1></html>", "none"),
            ("IMDS", 429, "Too many requests", "none"),
            ("MSI endpoint", 401, "no", SECRET),
            ("Azure Arc", 404, "<html>Not here</html>", NOT_PLATFORM),
            (
                "Cloud Shell",
                400,
                r#"{"error":{"message":"Audience is not supported."}}"#,
                NOT_CLOUD_SHELL,
            ),
            (
                "IMDS",
                400,
                r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
                NOT_ON_MACHINE,
            ),
            ("IMDS", 400, r#"{"error":"invalid_request"}"#, "none"),
            ("Azure Arc", 400, r#"{"error":"invalid_request"}"#, NOT_ARC),
            ("Azure Arc", 503, r#"{"error":"invalid_request"}"#, "none"),
            ("Cloud Shell", 400, r#"{"statusCode":400,"message":"x"}"#, NOT_CLOUD_SHELL),
        ];
        for (source, status, body, expected) in cases {
            assert_eq!(hint(source, status, body), expected, "{source} {status} {body}");
        }
    }

    #[test]
    fn nobody_is_sent_after_a_secret_that_is_the_platforms() {
        for code in [7_000_215, 7_000_222, 700_024, 70_021, 700_213, 700_016, 700_027] {
            for source in ["IMDS", "App Service"] {
                let body = format!(r#"{{"error":"invalid_client","error_codes":[{code}]}}"#);
                assert_eq!(hint(source, 401, &body), BROKEN, "{code}");
            }
        }
        let other = r#"{"error":"invalid_resource","error_description":"AADSTS50001: x"}"#;
        assert_eq!(hint("IMDS", 400, other), "none");
    }
}
