use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "x8Q~0123456789abcdef.-_ZZ";
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.\
                     eyJhdWQiOiJodHRwczovL29zc3JkYm1zLWFhZC5kYXRhYmFzZS53aW5kb3dzLm5ldCJ9.\
                     c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0LTAxMjM0NTY3ODk";

/// Whether any six letters or figures of the secret in a row are in the text, with or without case.
fn shows(text: &str, secret: &str) -> bool {
    let text = text.to_lowercase();
    let letters: Vec<char> = secret.to_lowercase().chars().collect();
    letters.windows(6).any(|run| text.contains(&String::from_iter(run)))
}

fn percent(text: &str, kept: &str, upper: bool) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => {
            char::from(byte).to_string()
        }
        byte if upper => format!("%{byte:02X}"),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(encode).collect()
}

#[test]
fn a_long_page_becomes_one_short_line() {
    let page = format!("<html>\r\n\t<p>no\u{1b}[31m\0way</p>{}", "x ".repeat(90_000));
    let text = excerpt(&page, &[]);
    assert!(text.starts_with("<html> <p>no way</p>x x"), "{text}");
    assert!(text.chars().count() <= BEGINNING + END + 3, "{text}");
}

#[test]
fn a_long_text_keeps_its_end_where_the_remedy_is() {
    let text = format!("It failed. {} Run `az login` again.", "Details follow. ".repeat(400_000));
    let text = excerpt(&text, &[]);
    assert!(text.starts_with("It failed. Details"), "{text}");
    assert!(text.ends_with("Details follow. Run `az login` again."), "{text}");
}

#[test]
fn nothing_of_the_line_moves_a_terminal_or_turns_its_text() {
    let cases = [
        ("a\u{1b}[31;1mred\u{1b}[0m b", "ared b"),
        ("a\u{9b}2Jb", "ab"),
        ("\u{1b}]8;;https://x.example\u{7}link\u{1b}]8;;\u{1b}\\ end", "link end"),
        ("\u{1b}]0;no end", "0;no end"),
        ("\u{1b}cback", "back"),
        ("one\r\ntwo\u{2028}three\u{85}four", "one two three four"),
        ("\u{202e}abc\u{2066}def\u{2069}\u{200f}\u{feff}\u{61c}", "abcdef"),
        ("ends\u{1b}", "ends"),
        ("ends\u{1b}[12", "ends"),
    ];
    for (text, line) in cases {
        assert_eq!(excerpt(text, &[]), line, "{text:?}");
    }
}

#[test]
fn a_secret_is_hidden_however_it_is_written() {
    let secret = format!("{SECRET}&\"<>+/=é ");
    let html = |text: &str| {
        let text = text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        text.replace('~', "&#126;").replace('.', "&#x2E;").replace('-', "&hyphen;")
    };
    for secret in [SECRET, &secret] {
        let json = serde_json::to_string(secret).unwrap();
        let unicode: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let writings = [
            secret.to_owned(),
            secret.to_uppercase(),
            percent(secret, "*-._", true),
            percent(secret, "~-._", true),
            percent(secret, "", false),
            percent(secret, "", true).replace("%20", "+"),
            percent(&percent(secret, "", true), "", true),
            html(secret),
            html(&html(secret)),
            percent(&html(secret), "", false),
            serde_json::to_string(&json).unwrap(),
            json,
            unicode,
            secret.replace("45", "4\n  5"),
            secret.replace("45", "4\u{200b}5"),
            secret[..20].to_owned(),
            secret[3..].to_owned(),
            STANDARD.encode(secret),
            STANDARD.encode(format!("id:{secret}")),
            STANDARD.encode(format!("Hello {secret} there")),
        ];
        for written in writings {
            let text = format!("blocked: client_secret={written}, try again");
            let shown = excerpt(&text, &[secret]);
            assert!(!shows(&shown, SECRET), "{written} gave {shown}");
            assert!(!shown.contains(&written), "{written} gave {shown}");
            assert!(shown.starts_with("blocked: client_secret="), "{shown}");
            assert!(shown.contains("[redacted]"), "{shown}");
            assert!(shown.ends_with(", try again"), "{shown}");
        }
    }
}

#[test]
fn a_secret_is_hidden_in_whatever_its_bytes_are_written() {
    const SECRET: &str = "Abc8Q~s3.cr3t_Val.ue-12~34.ab-CD_ef.GH";
    let each = |write: fn(u8) -> String| SECRET.bytes().map(write).collect::<String>();
    let others = |write: fn(u8) -> String| {
        let write = |byte: u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => write(byte),
        };
        SECRET.bytes().map(write).collect::<String>()
    };
    let utf_16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let writings = [
        format!("{:?}", SECRET.as_bytes()),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}:")),
        each(|byte| format!("0x{byte:02x}, ")),
        each(|byte| format!("\\x{byte:02x}")),
        each(|byte| format!("={byte:02X}")),
        each(|byte| format!("\\{byte:03o}")),
        each(|byte| format!("%u{byte:04X}")),
        each(|byte| format!("%25252525{byte:02x}")),
        each(|byte| format!("{}\0", char::from(byte))),
        each(|byte| format!("{}\u{ad}", char::from(byte))),
        others(|byte| format!("={byte:02X}")),
        others(|byte| format!("\\{byte:03o}")),
        others(|byte| format!("\\u{{{byte:x}}}")),
        others(|byte| format!("\\U{byte:08x}")),
        others(|byte| format!("%u{byte:04x}")),
        others(|byte| format!("&#{byte} ")),
        others(|byte| format!("&#{byte:010};")),
        others(|byte| format!("&#x{byte:012x};")),
        STANDARD.encode(&utf_16),
        STANDARD.encode(percent(SECRET, "*-._", true)),
        STANDARD.encode(percent(SECRET, "", true)),
    ];
    for written in writings {
        let shown = excerpt(&format!("blocked: {written}, try again"), &[SECRET]);
        assert!(!shows(&shown, SECRET), "{written} gave {shown}");
        // At the ends there may be a letter or two, and the marks of the encoding.
        let left = shown.replace(REDACTED, "");
        assert!(left.len() <= "blocked: , try again".len() + 4, "{written} gave {shown}");
    }
}

#[test]
fn a_heading_that_ends_within_a_secret_shows_none_of_it() {
    let pieces = |between: &str| {
        let pieces = SECRET.as_bytes().chunks(4).map(|piece| std::str::from_utf8(piece).unwrap());
        pieces.collect::<Vec<_>>().join(between)
    };
    for between in ["<wbr>", "\n", "=\r\n", ". "] {
        let shown = page_excerpt(&format!("<p>blocked: {}</p>", pieces(between)), &[SECRET]);
        assert!(shown.starts_with("blocked: ") && !shown.contains("x8Q"), "{between:?}: {shown}");
    }
}

#[test]
fn a_secret_of_few_letters_hides_nothing_else() {
    let secret = "p~a+\"";
    assert_eq!(excerpt("a p~a+\" apart", &[secret, ""]), "a [redacted] apart");
    assert_eq!(excerpt("what a password", &["!a!"]), "what a password");
}

#[test]
fn a_token_of_anybody_is_hidden_whole_or_in_part() {
    let cut = [&TOKEN[..60], &TOKEN[..100], &TOKEN[20..110], &TOKEN[..TOKEN.len() - 1]];
    let other = [
        TOKEN.replace('.', "%2E"),
        format!("{}\n{}", &TOKEN[..80], &TOKEN[80..]),
        format!("got=e30.{TOKEN}"),
        "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789".to_owned(),
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    ];
    for written in cut.into_iter().map(str::to_owned).chain(other) {
        let shown = excerpt(&format!("invalid password packet: {written} here"), &[]);
        assert!(!shows(&shown, TOKEN) && !shows(&shown, &written.replace("got=", "")), "{shown}");
        assert!(shown.starts_with("invalid password packet: "), "{shown}");
        assert!(shown.ends_with(" here"), "{shown}");
    }
    assert_eq!(
        excerpt("got 'eyJhbGciOi.eyJhdWQi.c2ln' and eyJ0 here", &[]),
        "got '[redacted]' and [redacted] here"
    );
}

#[test]
fn what_helps_the_reader_stays() {
    for text in [
        "The oid in the security label [11111111-1111-1111-1111-111111111111] does not match",
        "resource \"https://ossrdbms-aad.database.windows.net\" at contoso.postgres.database.azure.com",
        "SELECT * FROM pgaadauth_create_principal_with_oid('My-Identity-Prod-01-WestEurope-Orders')",
        "AADSTS7000215: https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2",
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/Rg1/providers/\
         Microsoft.ManagedIdentity/userAssignedIdentities/orders",
        "role \"aad_user_with_a_very_long_name_2024_orders\" is not permitted to log in",
        "100% of AZURE_POSTGRESQL_CLIENTSECRET && &nbsp; 50%25",
    ] {
        assert_eq!(excerpt(text, &[SECRET, TOKEN]), text);
    }
}

#[test]
fn of_a_page_the_title_and_the_first_sentence_are_shown() {
    let cases = [
        ("<html><h1>Blocked by proxy</h1><p>Ask Bob.</p></html>", "Blocked by proxy"),
        (
            "<!doctype html><head><title>403 Forbidden</title><style>b{}</style></head><body>\
             <p>Access is <b>denied</b>. Request: client_secret=abc",
            "403 Forbidden: Access is denied.",
        ),
        ("<head><title>Sign in</title></head>", "Sign in"),
        ("<header>Hello</header><script>var a = '<p>';</script>", "Hello"),
        ("<p>unfinished <", "unfinished"),
        (
            "dial tcp 169.254.169.254:80: no route to host",
            "dial tcp 169.254.169.254:80: no route to host",
        ),
        ("\n---\nNo identity. It was deleted.\nmore", "No identity."),
        ("", ""),
        ("[1]", "[1]"),
    ];
    for (page, heading) in cases {
        assert_eq!(page_excerpt(page, &[]), heading, "{page}");
    }
}

#[test]
fn what_a_foreign_error_says_is_shown_with_its_causes() {
    let inner = std::io::Error::other(format!("sent {TOKEN}"));
    let outer = std::io::Error::other(inner);
    let shown = Shown::of(&outer);
    assert_eq!(shown.to_string(), "sent [redacted]");
    assert!(!format!("{shown:?}").contains("eyJ"), "{shown:?}");
}

proptest! {
    #[test]
    fn no_text_panics_and_no_control_character_remains(text in any::<String>(), cut in ".{0,12}") {
        for shown in [excerpt(&text, &[&cut]), page_excerpt(&text, &[&cut])] {
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(shown.chars().count() <= BEGINNING + END + 3);
        }
    }

    #[test]
    fn no_markup_panics(
        text in "(<|>|/|%|&|;|\\\\|#|title|head|script|p|u00e9|x4|eyJ|\u{1b}|\\[|\\]|é| ){0,40}",
    ) {
        page_excerpt(&text, &["title", "%41", "é"]);
    }
}
