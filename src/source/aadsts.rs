//! Entra's error codes: what they mean for a retry, and what to do about them.

use serde_json::Value;

use crate::TokenErrorKind;

/// What is known about a code. From the
/// [list of error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
pub(super) struct Entry {
    code: u32,
    pub(super) kind: TokenErrorKind,
    pub(super) hint: &'static str,
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

const NEW_SECRET: &str = "set AZURE_POSTGRESQL_CLIENTSECRET to a current client secret of the \
                          application: its value, not its id";
const FEDERATION: &str = "give the application or managed identity a federated credential whose \
                          issuer, subject and audience are those of the service account token";
const APPLICATION: &str = "check AZURE_POSTGRESQL_CLIENTID and AZURE_POSTGRESQL_TENANTID";
const CLOUD: &str = "check AZURE_POSTGRESQL_TENANTID, and AZURE_AUTHORITY_HOST if the tenant is in \
                     another cloud";
const SCOPE: &str = "check which cloud the server belongs to; the scope is not one of this tenant";
const REQUEST: &str = "the request was not understood; check that no proxy changes it";
const POLICY: &str =
    "a conditional access policy blocks this login; ask the tenant's administrator";

const TABLE: [Entry; 30] = [
    denied(7_000_215, NEW_SECRET),
    denied(
        7_000_222,
        "the client secret has expired: set AZURE_POSTGRESQL_CLIENTSECRET to a new one",
    ),
    denied(70_002, NEW_SECRET),
    denied(7_000_218, REQUEST),
    denied(700_016, APPLICATION),
    denied(7_000_112, "the application is disabled in its tenant: enable its service principal"),
    denied(90_002, CLOUD),
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
    denied(70_021, FEDERATION),
    denied(700_213, FEDERATION),
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
    passing(90_033),
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
pub(super) fn find(codes: &[u32]) -> Option<&'static Entry> {
    codes.iter().find_map(|code| TABLE.iter().find(|entry| entry.code == *code))
}

/// The codes of a refusal: from `error_codes`, else from the text.
pub(super) fn codes(error_codes: Option<&Value>, text: &str) -> Vec<u32> {
    let listed = error_codes.and_then(Value::as_array).into_iter().flatten();
    let listed: Vec<u32> = listed.filter_map(|code| code.as_u64()?.try_into().ok()).collect();
    if listed.is_empty() { in_text(text) } else { listed }
}

/// The codes that a text names, such as `AADSTS7000215: Invalid client secret`.
pub(super) fn in_text(text: &str) -> Vec<u32> {
    let after = text.split("AADSTS").skip(1);
    after.filter_map(|rest| leading_digits(rest).parse().ok()).collect()
}

/// The sentence of a description, without the code before it and the ids behind it: they are
/// reported apart.
pub(super) fn without_reference(text: &str) -> &str {
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
    fn codes_come_from_the_list_and_else_from_the_text() {
        assert_eq!(codes(Some(&json!([7, "x", -1])), "AADSTS9"), [7]);
        assert_eq!(codes(Some(&json!([])), "AADSTS50001: a. AADSTS70011: b"), [50_001, 70_011]);
        assert_eq!(codes(None, "AADSTS: AADSTSx AADSTS99999999999"), [0_u32; 0]);
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
