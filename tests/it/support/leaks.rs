//! Finds secrets in text, also where they are encoded.

use std::{collections::HashMap, fmt::Write};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Long enough to be no coincidence, short enough to find what is cut off.
const FRAGMENT: usize = 20;

/// Every needle is at least as long.
const KEY: usize = 8;

/// Secrets, each in every form in which it might be shown, by the first bytes of that form.
#[derive(Default)]
pub struct Secrets(HashMap<[u8; KEY], Vec<Needle>>);

struct Needle {
    name: &'static str,
    form: &'static str,
    text: String,
}

impl Secrets {
    /// Adds a secret. Of a long one, each of its fragments counts.
    pub fn add(&mut self, name: &'static str, secret: &str) {
        for (form, text) in fragments(secret).into_iter().flat_map(forms) {
            let key = *text.as_bytes().first_chunk().expect("a needle of some length");
            self.0.entry(key).or_default().push(Needle { name, form, text });
        }
    }

    /// Adds a JSON Web Token, whose header is no secret.
    pub fn add_jwt(&mut self, name: &'static str, token: &str) {
        let (_header, secret) = token.split_once('.').expect("a JSON Web Token");
        self.add(name, secret);
    }

    /// The secrets that are in the text: name, form, and what is before it.
    pub fn found_in(&self, text: &str) -> Vec<String> {
        let bytes = text.as_bytes();
        let finds = bytes.windows(KEY).enumerate().filter_map(|(at, key)| {
            let needles = self.0.get(key)?;
            let needle =
                needles.iter().find(|needle| bytes[at..].starts_with(needle.text.as_bytes()))?;
            let before = String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at]);
            Some(format!("{} as {} after {before:?}", needle.name, needle.form))
        });
        finds.take(10).collect()
    }
}

/// Pieces that cover the secret; the last one overlaps.
fn fragments(secret: &str) -> Vec<&str> {
    assert!(secret.is_ascii() && secret.len() >= 8, "too short or not ASCII");
    if secret.len() <= FRAGMENT {
        return vec![secret];
    }
    let last = secret.len() - FRAGMENT;
    (0..last).step_by(FRAGMENT).chain([last]).map(|at| &secret[at..at + FRAGMENT]).collect()
}

fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut forms = vec![
        ("plain text", secret.to_owned()),
        ("escaped text", format!("{secret:?}").trim_matches('"').to_owned()),
        ("percent-encoded text", utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()),
        ("list of bytes", list.join(", ")),
        ("lower-case hex", hex(bytes)),
        ("upper-case hex", hex(bytes).to_uppercase()),
    ];
    for alignment in 0..3 {
        forms.push(("base64", base64(&STANDARD_NO_PAD, alignment, bytes)));
        forms.push(("base64url", base64(&URL_SAFE_NO_PAD, alignment, bytes)));
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The characters that depend on the secret alone when so many other bytes, modulo three, are before it.
/// Padding, and what follows the secret, only changes what comes after them.
fn base64(engine: &impl Engine, alignment: usize, secret: &[u8]) -> String {
    let bytes = [&[0; 2][..alignment], secret].concat();
    let text = engine.encode(&bytes);
    text[(alignment * 8).div_ceil(6)..bytes.len() * 8 / 6].to_owned()
}
