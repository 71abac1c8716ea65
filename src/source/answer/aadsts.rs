//! Entra's error codes: what they mean for a retry, and what to do about them.

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

const fn passing(code: u32) -> Entry {
    Entry {
        code,
        kind: TokenErrorKind::Unavailable,
        hint: "Microsoft Entra ID has a passing problem; try again later",
    }
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
const SCOPE: &str = "check which cloud the server belongs to; the scope is not one of this tenant";
const REQUEST: &str = "the request was not understood; check that no proxy changes it";
const POLICY: &str =
    "a conditional access policy blocks this login; ask the tenant's administrator";

/// There is no federated credential for the token's issuer, subject and audience.
const NO_FEDERATION: u32 = 70_021;

const TABLE: [Entry; 35] = [
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
    denied(50_001, SCOPE),
    denied(500_011, SCOPE),
    denied(900_144, REQUEST),
    denied(90_014, REQUEST),
    denied(9_002_313, REQUEST),
    denied(NO_FEDERATION, FEDERATION),
    denied(700_027, FEDERATION),
    denied(
        700_030,
        "the certificate's subject is not authorised: check the application's settings",
    ),
    denied(
        700_024,
        "the service account token is outside its validity: check that the file named by \
         AZURE_FEDERATED_TOKEN_FILE is renewed, and the clock of this machine",
    ),
    denied(530_032, POLICY),
    denied(53_003, POLICY),
    // The issuer of the service account token didn't answer Entra
    // (https://github.com/Azure/AKS/issues/4029,
    // https://github.com/Azure/azure-workload-identity/issues/642).
    passing(90_061),
    passing(50_166),
    passing(501_661),
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

/// The entry of the first code that is known.
pub(in crate::source) fn find(codes: &[u32]) -> Option<&'static Entry> {
    codes.iter().find_map(|code| {
        let code = if lacks_federation(*code) { NO_FEDERATION } else { *code };
        TABLE.iter().find(|entry| entry.code == code)
    })
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
    let listed = error_codes.and_then(Value::as_array).into_iter().flatten();
    let codes = listed.filter_map(|code| code.as_u64()?.try_into().ok());
    let listed: Vec<u32> = codes.take(MOST_CODES).collect();
    if listed.is_empty() { in_text(text) } else { listed }
}

/// The codes that a text names, such as `AADSTS7000215: Invalid client secret`.
pub(in crate::source) fn in_text(text: &str) -> Vec<u32> {
    let after = text.split("AADSTS").skip(1);
    after.filter_map(|rest| leading_digits(rest).parse().ok()).take(MOST_CODES).collect()
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
        assert_eq!(codes(Some(&json!([])), "AADSTS50001: a. AADSTS70011: b"), [50_001, 70_011]);
        assert_eq!(codes(None, "AADSTS: AADSTSx AADSTS99999999999"), [0_u32; 0]);
        assert_eq!(codes(Some(&json!(vec![7; 100_000])), "").len(), MOST_CODES);
        assert_eq!(codes(None, &"AADSTS7 ".repeat(100_000)).len(), MOST_CODES);
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
