//! Entra's error codes: what they mean for a retry, and what to do about them.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::TokenErrorKind;

/// What is known about a code. From the
/// [list of error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
pub(in crate::source) struct Entry {
    code: u32,
    pub(in crate::source) kind: TokenErrorKind,
    pub(in crate::source) hint: &'static str,
}

const fn denied(code: u32, hint: &'static str) -> Entry {
    Entry { code, kind: TokenErrorKind::Denied, hint }
}

const fn unavailable(code: u32, hint: &'static str) -> Entry {
    Entry { code, kind: TokenErrorKind::Unavailable, hint }
}

const fn passing(code: u32) -> Entry {
    unavailable(code, "Microsoft Entra ID has a passing problem; try again later")
}

const NEW_SECRET: &str = "the client secret must be a current one of the application, its value and \
                          not its id: renew it where it is set (AZURE_POSTGRESQL_CLIENTSECRET, \
                          AZURE_CLIENT_SECRET or Spring's client-secret)";
const FEDERATION: &str = "give the application or managed identity a federated credential whose \
                          issuer, subject and audience are those of the service account token";
const APPLICATION: &str = "check the client id (AZURE_POSTGRESQL_CLIENTID, AZURE_CLIENT_ID or \
                           Spring's client-id) and the tenant id (AZURE_POSTGRESQL_TENANTID, \
                           AZURE_TENANT_ID or Spring's tenant-id)";
const CLOUD: &str = "check the tenant id (AZURE_POSTGRESQL_TENANTID, AZURE_TENANT_ID or Spring's \
                     tenant-id), and AZURE_AUTHORITY_HOST if the tenant is in another cloud";
const SCOPE: &str = "the scope must be that of one service, such as https://ossrdbms-aad.database.windows.net/.default: \
                     leave it to the server's cloud, or correct what ConnectorBuilder::scope states";
const SERVICE: &str = "the tenant does not know this service: check the tenant id (AZURE_POSTGRESQL_TENANTID, \
                     AZURE_TENANT_ID or Spring's tenant-id), and which cloud the server belongs to";
const ISSUER: &str = "Microsoft Entra ID does not reach the issuer of the service account token: try again later, and \
                      check that its OpenID configuration is public if this stays";
const REQUEST: &str = "the request was not understood; check that no proxy changes it";
const ASSIGNMENT: &str = "the enterprise application asks for an assignment: assign this identity to it (Users and \
                          groups), or turn \"Assignment required\" off";
const TENANT: &str = "check the tenant id (AZURE_POSTGRESQL_TENANTID, AZURE_TENANT_ID or Spring's tenant-id): it \
                      must be the GUID or a domain of the application's own tenant";
const CLIENT_KIND: &str = "the application is registered as a public client, which can't log in with a secret: \
                           create a client secret for it, and turn \"Allow public client flows\" off";
const ASSERTION: &str = "Microsoft Entra ID can't verify the service account token: check that its issuer's \
                         OpenID configuration and keys are public, and that the file named by \
                         AZURE_FEDERATED_TOKEN_FILE is that of this cluster";
const POLICY: &str =
    "a conditional access policy blocks this login; ask the tenant's administrator";

/// There is no federated credential for the token's issuer, subject and audience.
const NO_FEDERATION: u32 = 70_021;

const TABLE: &[Entry] = &[
    denied(501_051, ASSIGNMENT),
    denied(50_105, ASSIGNMENT),
    denied(50_059, TENANT),
    denied(900_021, TENANT),
    denied(50_128, TENANT),
    denied(90_019, TENANT),
    denied(1_002_012, SCOPE),
    denied(7_000_216, CLIENT_KIND),
    denied(700_025, CLIENT_KIND),
    denied(700_222, FEDERATION),
    denied(700_223, FEDERATION),
    denied(700_229, FEDERATION),
    denied(700_231, FEDERATION),
    denied(700_238, FEDERATION),
    denied(500_173, ASSERTION),
    denied(50_012, NEW_SECRET),
    denied(530_035, POLICY),
    Entry {
        code: 50_196,
        kind: TokenErrorKind::Throttled,
        hint: "the application asks in a loop: share one token cache between connections",
    },
    denied(7_000_215, NEW_SECRET),
    denied(7_000_222, NEW_SECRET),
    denied(70_002, NEW_SECRET),
    denied(7_000_218, REQUEST),
    denied(700_016, APPLICATION),
    denied(7_000_229, APPLICATION),
    denied(7_000_112, "the application is disabled in its tenant: enable its service principal"),
    denied(90_002, CLOUD),
    denied(900_023, CLOUD),
    denied(900_382, CLOUD),
    denied(90_038, CLOUD),
    denied(70_011, SCOPE),
    denied(700_022, SCOPE),
    denied(700_023, SCOPE),
    denied(50_001, SERVICE),
    denied(500_011, SERVICE),
    denied(900_144, REQUEST),
    denied(90_014, REQUEST),
    denied(9_002_313, REQUEST),
    denied(NO_FEDERATION, FEDERATION),
    denied(700_027, ASSERTION),
    denied(
        700_030,
        "the application does not accept the certificate's subject: add it to those that its registration trusts",
    ),
    denied(
        700_024,
        "the service account token is outside its validity: check that the file named by \
         AZURE_FEDERATED_TOKEN_FILE is renewed, and the clock of this machine",
    ),
    denied(530_032, POLICY),
    denied(53_003, POLICY),
    // https://github.com/Azure/AKS/issues/4029, https://github.com/Azure/azure-workload-identity/issues/642
    unavailable(90_061, ISSUER),
    unavailable(50_166, ISSUER),
    unavailable(501_661, ISSUER),
    passing(90_033),
    passing(50_033),
    passing(90_006),
    passing(90_012),
    passing(90_024),
    passing(90_090),
    Entry {
        code: 90_055,
        kind: TokenErrorKind::Throttled,
        hint: "the tenant makes too many requests; share one token cache between connections",
    },
];

/// The codes of the table, for the list of all errors.
#[cfg(all(test, feature = "azure-identity", feature = "diesel-async", feature = "sqlx"))]
pub(crate) fn known_codes() -> impl Iterator<Item = u32> {
    TABLE.iter().map(|entry| entry.code)
}

/// Codes about the secret or the token that proves an identity. A managed identity's is the platform's,
/// and nobody else can renew it.
const ABOUT_PROOF: [u32; 9] =
    [7_000_215, 7_000_222, 70_002, 50_012, 700_016, 7_000_229, 700_024, 700_027, 7_000_216];

/// Whether a refusal is about what proves the identity.
pub(in crate::source) fn is_about_proof(codes: &[u32]) -> bool {
    codes.iter().any(|code| ABOUT_PROOF.contains(code) || lacks_federation(*code))
}

/// The entry of the first code that is known.
pub(in crate::source) fn find(codes: &[u32]) -> Option<&'static Entry> {
    codes.iter().find_map(|code| {
        let code = if lacks_federation(*code) { NO_FEDERATION } else { *code };
        TABLE.iter().find(|entry| entry.code == code)
    })
}

/// What to do about a refusal with these codes: the remedy for one that is known, else Entra's own page.
pub(in crate::source) fn hint(codes: &[u32]) -> Option<Cow<'static, str>> {
    match (find(codes), codes.first()) {
        (Some(entry), _) => Some(entry.hint.into()),
        (None, Some(code)) => {
            Some(format!("look it up: https://login.microsoftonline.com/error?code={code}").into())
        }
        (None, None) => None,
    }
}

/// Whether the application has no federated credential for the token, as far as this part of Entra
/// knows: a new one takes minutes to spread, and an old one is now and then not found
/// ([documentation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations),
/// [report](https://github.com/kedacore/keda/issues/8152)).
pub(in crate::source) fn may_be_spreading(codes: &[u32]) -> bool {
    codes.iter().any(|code| lacks_federation(*code))
}

/// 70021 has many finer forms, such as 700213 and 7002138.
fn lacks_federation(code: u32) -> bool {
    code.to_string().starts_with("70021")
}

/// More than Entra ever names; a list of a megabyte is not from Entra.
const MOST_CODES: usize = 8;

/// The codes of a refusal: from `error_codes`, else from the text.
pub(in crate::source) fn codes(error_codes: Option<&Value>, text: &str) -> Vec<u32> {
    let listed = match error_codes {
        Some(Value::Array(codes)) => codes.as_slice(),
        Some(code) => std::slice::from_ref(code),
        None => &[],
    };
    let number = |code: &Value| match code {
        Value::String(text) => text.parse().ok(),
        code => code.as_u64()?.try_into().ok(),
    };
    let codes = listed.iter().filter_map(number);
    let listed: Vec<u32> = codes.take(MOST_CODES).collect();
    if listed.is_empty() { in_text(text) } else { listed }
}

/// The codes that a text names, such as `AADSTS7000215: Invalid client secret`, each once.
pub(in crate::source) fn in_text(text: &str) -> Vec<u32> {
    let after = text.split("AADSTS").skip(1);
    let mut codes = Vec::new();
    for code in after.filter_map(|rest| leading_digits(rest).parse().ok()).take(MOST_CODES) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

/// The sentence of a description, without the code before it and the ids behind it: they are
/// reported apart.
pub(in crate::source) fn without_reference(text: &str) -> &str {
    let text = text.find("Trace ID:").map_or(text, |end| &text[..end]).trim();
    let Some(rest) = text.strip_prefix("AADSTS") else { return text };
    let rest = &rest[leading_digits(rest).len()..];
    rest.strip_prefix(':').map_or(text, str::trim_start)
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn no_code_is_in_the_table_twice() {
        let codes: BTreeSet<u32> = TABLE.iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), TABLE.len());
    }

    #[test]
    fn the_first_known_code_decides() {
        let kind = |codes: &[u32]| find(codes).map(|entry| entry.kind);
        assert_eq!(kind(&[7_000_215]), Some(TokenErrorKind::Denied));
        assert_eq!(kind(&[1, 90_033]), Some(TokenErrorKind::Unavailable));
        assert_eq!(kind(&[90_055]), Some(TokenErrorKind::Throttled));
        assert_eq!(kind(&[1]), None);
    }

    #[test]
    fn each_form_of_a_missing_federated_credential_is_one() {
        for code in [70_021, 700_211, 700_212, 700_213, 7_002_121, 7_002_138] {
            assert_eq!(find(&[code]).map(|entry| entry.hint), Some(FEDERATION), "{code}");
            assert!(may_be_spreading(&[code]), "{code}");
        }
        for code in [7_000_215, 700_022, 70_002] {
            assert_ne!(find(&[code]).map(|entry| entry.hint), Some(FEDERATION), "{code}");
            assert!(!may_be_spreading(&[code]), "{code}");
        }
    }

    #[test]
    fn codes_that_users_meet_have_their_own_remedy() {
        for (code, part) in [
            (501_051, "Assignment required"),
            (50_105, "Assignment required"),
            (50_059, "tenant id"),
            (900_021, "tenant id"),
            (50_128, "tenant id"),
            (90_019, "tenant id"),
            (1_002_012, "scope"),
            (500_011, "tenant id"),
            (7_000_216, "public client"),
            (700_025, "public client"),
            (700_222, "federated credential"),
            (700_238, "federated credential"),
            (500_173, "OpenID configuration"),
            (50_012, "client secret"),
            (530_035, "conditional access"),
        ] {
            let entry = find(&[code]).unwrap();
            assert_eq!(entry.kind, TokenErrorKind::Denied, "{code}");
            assert!(entry.hint.contains(part), "{code}: {}", entry.hint);
        }
        assert_eq!(find(&[50_196]).map(|entry| entry.kind), Some(TokenErrorKind::Throttled));
    }

    #[test]
    fn a_remedy_names_each_variable_that_the_value_may_come_from() {
        for (code, variables) in [
            (7_000_215, ["AZURE_POSTGRESQL_CLIENTSECRET", "AZURE_CLIENT_SECRET"]),
            (7_000_222, ["AZURE_POSTGRESQL_CLIENTSECRET", "AZURE_CLIENT_SECRET"]),
            (7_000_229, ["AZURE_POSTGRESQL_CLIENTID", "AZURE_CLIENT_ID"]),
            (900_023, ["AZURE_POSTGRESQL_TENANTID", "AZURE_TENANT_ID"]),
        ] {
            let hint = find(&[code]).unwrap().hint;
            assert!(variables.iter().all(|name| hint.contains(name)), "{code}: {hint}");
        }
    }

    #[test]
    fn codes_come_from_the_list_and_else_from_the_text() {
        assert_eq!(codes(Some(&json!([7, "x", -1])), "AADSTS9"), [7]);
        assert_eq!(codes(Some(&json!(["7", 8])), ""), [7, 8]);
        assert_eq!(codes(Some(&json!(7)), ""), [7]);
        assert_eq!(codes(Some(&json!([])), "AADSTS50001: a. AADSTS70011: b"), [50_001, 70_011]);
        assert_eq!(codes(None, "AADSTS: AADSTSx AADSTS99999999999"), [0_u32; 0]);
        assert_eq!(codes(Some(&json!(vec![7; 100_000])), "").len(), MOST_CODES);
        assert_eq!(codes(None, &"AADSTS7 ".repeat(100_000)), [7]);
    }

    #[test]
    fn a_description_is_reduced_to_its_sentence() {
        let cases = [
            (
                "AADSTS7000215: Invalid secret.\r\nTrace ID: a\r\nCorrelation ID: b",
                "Invalid secret.",
            ),
            ("AADSTS: odd", "odd"),
            ("AADSTS12", "AADSTS12"),
            ("Identity not found", "Identity not found"),
            ("Trace ID: only", ""),
        ];
        for (text, sentence) in cases {
            assert_eq!(without_reference(text), sentence);
        }
    }
}
