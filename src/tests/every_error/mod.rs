//! One list of the errors that the library makes, as people read them: `tests/vectors/errors.txt`.
//!
//! After a change of a text, write the list anew and read what has become different:
//! `cargo test --all-features --lib -- --ignored write_the_list_of_errors`.

mod connecting;
mod identity;
mod sentences;
mod settings;
mod smaller;

use std::{error::Error as StdError, fmt::Write, fs, path::PathBuf};

use crate::error::{Error, ServerAnswer, cause};

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/errors.txt")
}

/// An error as it is shown; of its causes what a server said, since the others are the words of libraries.
/// Its problem ends where its hint begins.
fn entry(error: &(dyn StdError + 'static), hint: &str) -> String {
    let text = error.to_string();
    let problem = text.strip_suffix(hint).and_then(|text| text.strip_suffix("; "));
    let problem = problem.unwrap_or_else(|| panic!("{text} does not end in its hint {hint}"));
    let mut entry = format!("{problem}\n    {hint}\n");
    if let Some(answer) = cause::find::<ServerAnswer>(error) {
        writeln!(entry, "    caused by: {answer}").unwrap();
    }
    entry
}

async fn list() -> String {
    let sections = [
        ("Variables", settings::of_variables()),
        ("Connection strings", settings::of_connection_strings()),
        ("Settings made in code", settings::of_code()),
        ("Builders", settings::of_builders()),
        ("Drivers that are given settings", settings::of_other_drivers().await),
        ("Where tokens would come from", settings::of_platforms()),
        ("Answers of identity services", identity::of_answers().await),
        ("Identity services that do not answer", identity::of_silence().await),
        ("Codes of Microsoft Entra ID", identity::of_entra_codes().await),
        ("What this machine holds", identity::of_this_machine().await),
        ("Tokens from code", identity::of_code().await),
        ("Answers of servers", connecting::of_servers()),
        ("Connections", connecting::of_connections()),
        ("TLS", connecting::of_tls()),
        ("Files of certificate authorities", connecting::of_root_certificates().await),
        ("Deadlines", connecting::of_deadlines()),
    ];
    let entries =
        |errors: Vec<Error>| errors.iter().map(|error| entry(error, error.hint())).collect();
    let sections = sections.map(|(title, errors)| (title, entries(errors)));
    let others: [(&str, Vec<String>); 2] =
        [("Values", smaller::of_values()), ("Administration", smaller::of_administration())];
    let sections = sections.into_iter().chain(others);
    sections.map(|(title, entries)| format!("# {title}\n\n{}\n", entries.concat())).collect()
}

#[tokio::test]
async fn the_list_of_errors_is_what_people_read() {
    let (list, written) = (list().await, fs::read_to_string(file()).unwrap_or_default());
    for (made, written) in list.lines().zip(written.lines()) {
        assert_eq!(made, written, "is the list to be written anew?");
    }
    assert_eq!(list.lines().count(), written.lines().count(), "is the list to be written anew?");
}

#[tokio::test]
#[ignore = "writes the list"]
async fn write_the_list_of_errors() {
    fs::write(file(), list().await).unwrap();
}

#[tokio::test]
async fn every_sentence_of_the_library_is_in_the_list() {
    let missing = sentences::missing_in(&list().await);
    assert!(missing.is_empty(), "make an error with:\n{}", missing.join("\n"));
}
