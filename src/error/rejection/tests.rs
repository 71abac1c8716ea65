use std::time::SystemTime;

use super::*;
use RejectionReason::*;

mod texts;

#[test]
fn only_what_a_newer_token_may_mend_asks_for_one() {
    let mendable = [TokenExpired, TokenNotValidated, AuthenticationFailed];
    for reason in [
        TokenExpired,
        WrongAudience,
        MalformedToken,
        TokenNotValidated,
        UnsuitableToken,
        PrincipalMismatch,
        PrincipalTypeMismatch,
        NotAdmitted,
        RoleMissing,
        AuthenticationFailed,
        DatabaseMissing,
        PermissionDenied,
        ServerFault,
        Other,
    ] {
        assert_eq!(reason.may_pass_with_new_token(), mendable.contains(&reason), "{reason:?}");
    }
}

#[test]
fn the_ids_of_a_mismatch_are_in_the_hint() {
    let message = "Service principal oid mismatch for role \"The oid in the security label [A] does not \
                   match the appid [B] or oid [C] in the token.\"";
    let rejection = Rejection::new("28000", message, "aad_\"app");
    let hint = rejection.hint();
    for part in [
        "object id A",
        "this identity is C",
        "application B",
        "ROLE \"aad_\"\"app\" IS 'aadauth,oid=C,type=service'",
    ] {
        assert!(hint.contains(part), "{part}: {hint}");
    }
    let rejection = Rejection::new("28000", "oid mismatch", "aad_app");
    assert!(rejection.hint().contains("oid=<object id>"), "{rejection}");
}

#[test]
fn what_may_not_log_in_is_let_in_by_name() {
    let rejection = Rejection::new("28000", "role \"x\" is not permitted to log in", "x");
    assert!(rejection.hint().contains("ALTER ROLE \"x\" LOGIN"), "{rejection}");
}

#[test]
fn a_refused_password_is_not_blamed_on_the_principal() {
    for message in ["password authentication failed for user \"x\"", "role \"x\" does not exist"] {
        let with_token = Rejection::new("28P01", message, "x");
        assert!(with_token.hint().contains("pgaadauth_list_principals"), "{with_token}");
        let with_password = with_token.by_password();
        assert!(with_password.hint().contains("user and password"), "{with_password}");
    }
    let outside = Rejection::new("28000", "no pg_hba.conf entry for host", "x");
    assert_eq!(outside.clone().by_password().hint(), outside.hint());
}

#[test]
fn a_login_that_needs_encryption_is_told_how() {
    for message in [
        "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", no encryption",
        "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", SSL off",
        "SSL required",
    ] {
        let rejection = Rejection::new("28000", message, "x");
        assert!(rejection.hint().contains("sslmode=require"), "{rejection}");
    }
    let encrypted =
        "no pg_hba.conf entry for host \"192.0.2.1\", user \"u\", database \"d\", SSL on";
    let rejection = Rejection::new("28000", encrypted, "x");
    assert!(rejection.hint().contains("networking settings"), "{rejection}");
}

#[test]
fn a_database_that_takes_no_connections_is_opened_or_made_anew() {
    let hint = |text| Rejection::new("55000", text, "x").hint().to_owned();
    let closed = "database \"orders\" is not currently accepting connections";
    assert!(hint(closed).contains("ALLOW_CONNECTIONS true"));
    assert!(hint("cannot connect to invalid database \"orders\"").contains("DROP DATABASE"));
}

#[test]
fn where_pgbouncer_refuses_a_token_itself_the_way_past_it_is_named() {
    let token = |length| AccessToken::new("x".repeat(length), SystemTime::UNIX_EPOCH).unwrap();
    let hint = |message, length| {
        let rejection = Rejection::new("08P01", message, "x");
        rejection.with_token(&token(length)).hint().to_owned()
    };
    for own in ["password authentication failed", "SASL authentication failed", "auth failed"] {
        assert!(hint(own, 2001).contains("cut off the token, which has 2001 bytes"));
        let hint = hint(own, 1500);
        assert!(!hint.contains("cut off") && hint.contains("port 5432"), "{hint}");
    }
    let servers = "password authentication failed for user \"x\"";
    assert!(!hint(servers, 2001).contains("port 5432"));
}
