//! The error bodies of each host, as documents, other SDKs and reports have them, and what each becomes.

use super::{Answer, app_service, azure_arc, cloud_shell, container_instances, imds, msi_endpoint};
use crate::{
    error::TokenErrorKind::{self, Denied, InvalidResponse, Throttled, Unavailable},
    source::answer::refusal::kind_of,
};

/// The status, the body, and the kind and a part of the hint that they become.
type Case = (u16, &'static str, TokenErrorKind, &'static str);

const ASSIGN: &str = "assign the managed identity";

fn check(source: &'static str, kind_of: fn(u16) -> TokenErrorKind, cases: &[Case]) {
    for &(status, body, kind, hint) in cases {
        let body_bytes = body.as_bytes().to_vec().into();
        let answer = Answer { status, retry_after: None, challenge: None, body: body_bytes };
        let error = super::refused(source, &answer, &["hunter2"], kind_of(status));
        assert_eq!((error.kind(), error.status()), (kind, Some(status)), "{body}: {error}");
        assert!(error.hint().contains(hint), "{body}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// What those answer that take a machine's place, and what every host may answer in a bad hour.
const OF_ALL: &[Case] = &[
    (429, "", Throttled, "try again later"),
    (408, "", Unavailable, "try again"),
    (500, "", Unavailable, "try again"),
    (502, r#"{"error":"bad_gateway"}"#, Unavailable, "try again"),
    (504, "", Unavailable, "try again"),
    (302, "", InvalidResponse, "proxy"),
    (404, "<html><head><title>404 - Not Found</title></head></html>", Denied, "proxy"),
];

#[test]
fn imds() {
    // https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#http-response-reference
    check(
        imds::NAME,
        imds::kind,
        &[
            (
                400,
                r#"{"error":"invalid_resource","error_description":"AADSTS50001: The application named x was not found in the tenant named y."}"#,
                Denied,
                "which cloud",
            ),
            (
                400,
                r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#,
                Denied,
                "`Metadata`",
            ),
            (
                401,
                r#"{"error":"unknown_source","error_description":"Unknown Source x"}"#,
                Denied,
                "identity",
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"malformed"}"#,
                Denied,
                "identity",
            ),
            (401, r#"{"error":"unauthorized_client","error_description":"x"}"#, Denied, "identity"),
            (403, r#"{"error":"access_denied","error_description":"x"}"#, Denied, "identity"),
            (
                400,
                r#"{"error":"unsupported_response_type","error_description":"x"}"#,
                Denied,
                "identity",
            ),
            (400, r#"{"error":"invalid_scope","error_description":"x"}"#, Denied, "identity"),
            (
                500,
                r#"{"error":"unknown","error_description":"Failed to retrieve token"}"#,
                Unavailable,
                "try again",
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
                Denied,
                ASSIGN,
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}"#,
                Denied,
                "AZURE_CLIENT_ID",
            ),
            (404, "", Unavailable, "try again"),
            (410, "", Unavailable, "try again"),
            (
                403,
                "connecting to 169.254.169.254:80: connecting to 169.254.169.254:80: dial tcp 169.254.169.254:80: connectex: A socket operation was attempted to an unreachable network.",
                Denied,
                "az login",
            ),
        ],
    );
    check(imds::NAME, imds::kind, &OF_ALL[..6]);
}

#[test]
fn app_service() {
    // https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/blob/main/tests/Microsoft.Identity.Test.Unit/ManagedIdentityTests/AppServiceTests.cs
    check(
        app_service::NAME,
        app_service::kind,
        &[
            (
                400,
                r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.","correlationId":"GUID"}"#,
                Denied,
                ASSIGN,
            ),
            (
                400,
                r#"{"statusCode":400,"message":"Unable to load requested managed identity."}"#,
                Denied,
                ASSIGN,
            ),
            (
                400,
                r#"{"statusCode":400,"message":"Unable to load the proper Managed Identity."}"#,
                Denied,
                ASSIGN,
            ),
            // A resource that it doesn't know is called this.
            (
                500,
                r#"{"statusCode":500,"message":"An unexpected error occured while fetching the AAD Token.","correlationId":"GUID"}"#,
                Unavailable,
                "try again",
            ),
            (401, "hunter2 is wrong", Denied, "IDENTITY_HEADER"),
            (403, "Forbidden", Denied, "IDENTITY_HEADER"),
            (404, "", Unavailable, "try again"),
        ],
    );
    check(app_service::NAME, app_service::kind, &OF_ALL[..6]);
}

#[test]
fn azure_arc() {
    check(
        azure_arc::NAME,
        kind_of,
        &[
            (
                400,
                r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#,
                Denied,
                "`Metadata`",
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
                Denied,
                ASSIGN,
            ),
            (403, r#"{"error":"forbidden","error_description":"hunter2"}"#, Denied, "identity"),
        ],
    );
    check(azure_arc::NAME, kind_of, OF_ALL);
}

#[test]
fn machine_learning_and_the_older_app_service() {
    check(
        msi_endpoint::NAME,
        kind_of,
        &[
            (
                400,
                r#"{"statusCode":400,"message":"No MSI found for specified ClientId/ResourceId."}"#,
                Denied,
                ASSIGN,
            ),
            (401, "Invalid secret token header", Denied, "MSI_SECRET"),
            (401, r#"{"statusCode":401,"message":"hunter2"}"#, Denied, "MSI_SECRET"),
            (500, r#"{"error":{"code":"UserError","message":"x"}}"#, Unavailable, "try again"),
        ],
    );
    check(msi_endpoint::NAME, kind_of, OF_ALL);
}

#[test]
fn container_instances_on_windows() {
    // https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code#error-handling
    check(
        container_instances::NAME,
        kind_of,
        &[
            (
                404,
                r#"{"error":{"code":"DefaultIdentityNotDefined","message":"DefaultIdentityNotDefined ","details":[]}}"#,
                Denied,
                "with_object_id",
            ),
            (404, r#"{"error":{"code":"ManagedIdentityNotFound","message":"x"}}"#, Denied, ASSIGN),
            (
                400,
                r#"{"error":{"code":"ArgumentNullOrEmpty","message":"The parameter 'resource' should not be null"}}"#,
                Denied,
                "identity",
            ),
            (
                401,
                r#"{"error":{"code":"SecretHeaderNotFound","message":"Secret is not found in the request headers."}}"#,
                Denied,
                "IDENTITY_HEADER",
            ),
            (400, r#"{"error":{"code":"InvalidApiVersion","message":"x"}}"#, Denied, "identity"),
            (
                500,
                r#"{"error":{"code":"InternalServerError","message":"x"}}"#,
                Unavailable,
                "try again",
            ),
        ],
    );
    check(container_instances::NAME, kind_of, OF_ALL);
}

#[test]
fn cloud_shell() {
    // https://learn.microsoft.com/azure/cloud-shell/msi-authorization
    check(
        cloud_shell::NAME,
        kind_of,
        &[
            (
                400,
                r#"{"error":{"code":"AudienceNotSupported","message":"Audience https://x is not a supported MSI token audience...."}}"#,
                Denied,
                "az login",
            ),
            (
                400,
                r#"{"error":{"code":"MissingMetadataHeader","message":"Required metadata header not specified"}}"#,
                Denied,
                "`Metadata`",
            ),
        ],
    );
    check(cloud_shell::NAME, kind_of, OF_ALL);
}
