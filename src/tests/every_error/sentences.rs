//! The texts in the source, to be found in the list of errors.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rooms whose texts are those of errors.
const ROOMS: &[&str] =
    &["admin/error.rs", "cache", "config", "connector", "error", "pool", "source", "tls", "token"];

/// A text of so many words is a sentence.
const WORDS: usize = 4;

/// What is in no error: logs, reasons of choices, notes for the compiler, patterns.
const NO_ERRORS: &[&str] = &[
    "[period case_sensitive:false]",
    "[second padding:none]",
    "CN=DigiCert Basic RSA CN CA G2",
    "CN=DigiCert Global Root CA",
    "CN=DigiCert SHA2 Secure Server CA",
    "CN=DigiCert TLS RSA SHA256 2020 CA1",
    "IDENTITY_ENDPOINT and IDENTITY_HEADER are set",
    "IDENTITY_ENDPOINT states its version and IDENTITY_HEADER is set",
    "the agent of Azure Arc is installed on this machine",
    "IDENTITY_ENDPOINT and IMDS_ENDPOINT are set",
    "MSI_ENDPOINT and MSI_SECRET are set",
    "\n  caused by",
    "a builder does nothing until build() is called",
    "a connection of the pool failed",
    "a fetch failed and no valid token is left",
    "a host has an address, or an error",
    "a keep_fresh callback panicked",
    "a refresh failed; the token that is held stays in use",
    "a rejected token is fetched anew",
    "bytes remaining on stream",
    "connecting failed and is tried again",
    "connection closed with no",
    "echo out; echo err >&2; exit 3",
    "got a new token",
    "held for what its drop does",
    "keep_fresh needs a tokio runtime with timers: build it with enable_all",
    "it is not known, and pgjdbc ignores what it doesn't know",
    "kill -0 $1 && ! grep -q ') Z ' /proc/$1/stat",
    "kill -s KILL -- \"-$1\"",
    "neither IDENTITY_ENDPOINT nor MSI_ENDPOINT is set",
    "no password is looked for in a file",
    "not valid for name",
    "served the cached token",
    "server does not support TLS",
    "settings without effect are left out",
    "sleep 600 & echo $! > '",
    "the builder was given a token cache",
    "the builder was given a token source",
    "the constant is a valid URL",
    "the pool's token is renewed only while this lives",
    "the rustls stack can fail here",
    "the settings hold a client secret",
    "the settings name a federated token file (AZURE_FEDERATED_TOKEN_FILE)",
    "the task that drives the connection ends with this",
    "the token is kept fresh only while the guard lives",
    "validated settings name a host",
    "without a handshake there is no connection",
];

/// Causes, which the list leaves out, and errors that take another machine, another build, a full server or
/// much time to make; tests of their own make most of them.
const NOT_MADE: &[&str] = &[
    "build with the feature `azure-identity` of postgres-entra, or ask for another credential",
    "can't be dropped while it has something",
    "because another session held a lock",
    "check the address of the identity service and the id of the identity",
    "developer tools are asked for, and this build can't use them",
    "give options as `-c name=value`",
    "give the builder one with ConnectorBuilder::token_source",
    "has to commit, or an administrator to end that session",
    "is not set any more",
    "it has more than 8 MiB",
    "no connection, and this machine is not one of Azure's",
    "one of these has to commit, or an administrator to end that session",
    "reading the token file was stopped",
    "run this again: the lock is released",
    "set it to UTF-8 text, or unset it",
    "sqlx can't read it",
    "the URL is not a plain HTTP one",
    "the answer is larger than 1 MiB",
    "the command took too long",
    "the credential could not read the answer of the identity service",
    "the fetch ended without a result",
    "the fetch has not ended in time, or nobody runs its runtime",
    "the fetch was aborted or its runtime ended",
    "the file holds no token",
    "the file is empty",
    "the file is larger than 64 KiB",
    "the name has no address",
    "the name service did not answer in time",
    "the request can't be sent",
    "the server did not answer in time",
    "the server is a replica",
    "the server is no replica",
    "the server sent more than 1 MiB during the login",
    "the server still shows a certificate under DigiCert Global Root G1, which the stores of authorities have \
     begun to drop: name a file with that root (DigiCert Global Root CA) in PGSSLROOTCERT or sslrootcert until \
     the server has a newer one",
    "the service account token could not be read in time",
    "the system has no certificate authorities installed",
    "there are no random numbers",
    "there is no token source for the identity in the settings",
    ": user@server was the form of the retired Single Server, and is no role here",
    "write the user without the server, \"",
    "to hand over what it owns to the connected role and take away the rest, run in this order",
];

/// The parts of texts that are not in the list, each after its file.
pub(super) fn missing_in(list: &str) -> Vec<String> {
    let list = list.to_lowercase();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for file in ROOMS.iter().flat_map(|room| files(&source.join(room))) {
        let code = fs::read_to_string(&file).unwrap();
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
        let name = file.strip_prefix(&source).unwrap().display();
        let texts = texts(code);
        let parts = texts.iter().flat_map(|text| parts(text));
        let parts = parts.filter(|part| !list.contains(&part.to_lowercase()));
        missing.extend(parts.map(|part| format!("{name}: {part}")));
    }
    let known = |text: &String| NO_ERRORS.iter().chain(NOT_MADE).any(|known| text.ends_with(known));
    missing.retain(|text| !known(text));
    missing
}

fn files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        if entry.is_dir() && name != "tests" {
            files.extend(self::files(&entry));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            files.push(entry);
        }
    }
    files
}

/// The sentences of a text, between what a format or a pattern fills in.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let between = text
        .split('{')
        .flat_map(|text| text.split_once('}').map_or(text, |(_, rest)| rest).split('*'));
    between
        .map(|part| part.trim_matches([' ', ';', ':', ',']))
        .filter(|part| part.split(' ').count() >= WORDS)
}

/// The literals of a file, as they are at run time.
fn texts(code: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (first, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = match first {
            b'/' if after.starts_with('/') => after.split_once('\n').map_or("", |(_, rest)| rest),
            b'/' => after,
            // A character, or else a lifetime.
            b'\'' => after.strip_prefix("\\'").or(after.strip_prefix('"')).unwrap_or(after),
            _ => {
                let (text, rest) = literal(after);
                texts.push(text);
                rest
            }
        };
    }
    texts
}

/// A literal behind its first quote, and what follows it.
fn literal(code: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('\n') => chars = chars.as_str().trim_start().chars(),
                Some('n') => text.push('\n'),
                Some(c) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, chars.as_str())
}
