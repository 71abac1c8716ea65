//! The rooms of `src` use what the table in `architecture.md` lets them use, and name it by its room.
//!
//! A room's name is the first part of a path after `crate::`, so that a line of code shows where its
//! names come from. What the crate re-exports at its root is for its users.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each room may use, by the room's path (`pool`, `pool::sqlx`).
type Table = BTreeMap<String, BTreeSet<String>>;

#[test]
fn each_room_uses_what_the_table_of_the_architecture_lets_it_use() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = table(&fs::read_to_string(source.join("architecture.md")).unwrap());
    let mut seen = BTreeSet::new();
    let mut breaches = Vec::new();
    for file in files(&source) {
        let path = module(file.strip_prefix(&source).unwrap());
        let Some(row) = row(&table, &path) else {
            breaches.push(format!("{}: no row of the table is about it", path.join("::")));
            continue;
        };
        seen.insert(row.to_owned());
        let room = &path[0];
        for used in crate_paths(&without_tests(&fs::read_to_string(&file).unwrap())) {
            if used != *room && !table[row].contains(&used) {
                breaches.push(format!("{}: crate::{used}", path.join("::")));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    let rows: BTreeSet<_> = table.into_keys().collect();
    assert_eq!(rows, seen, "rows without a room");
}

/// The rows of the table whose head names rooms: the rooms of the first column, and those of the last.
///
/// Rows are about the rooms that they name. What rows of "values" name may be used by all rooms.
fn table(page: &str) -> Table {
    let rows: Vec<(&str, &str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|');
            Some((cells.next()?, cells.next()?, cells.next_back()?))
        })
        .filter(|(rooms, ..)| rooms.contains('`'))
        .collect();
    let values = rows.iter().filter(|(_, purpose, _)| purpose.trim().starts_with("values"));
    let values: BTreeSet<String> = values.flat_map(|(rooms, ..)| names(rooms)).collect();
    let uses = |may_use| values.iter().cloned().chain(names(may_use)).collect();
    rows.iter()
        .flat_map(|(rooms, _, may)| names(rooms).map(move |room| (room, uses(may))))
        .collect()
}

/// The texts between backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The most special row that is about a module.
fn row<'t>(table: &'t Table, path: &[String]) -> Option<&'t str> {
    let candidates = (1..=path.len()).rev().map(|depth| path[..depth].join("::"));
    candidates
        .into_iter()
        .find_map(|name| table.get_key_value(&name))
        .map(|(name, _)| name.as_str())
}

/// The files of the crate's rooms, without the root itself, the programs and what only tests compile.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        if entry.is_dir() && !["bin", "tests"].contains(&name) {
            files.extend(self::files(&entry));
        } else if name.ends_with(".rs") && !["lib.rs", "tests.rs"].contains(&name) {
            files.push(entry);
        }
    }
    files
}

/// `pool/sqlx/mod.rs` and `pool/sqlx.rs` are both the module `pool::sqlx`.
fn module(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let parts = path.iter().map(|part| part.to_str().unwrap().to_owned());
    parts.filter(|part| part != "mod").collect()
}

/// The code before the file's unit tests, without comments.
fn without_tests(code: &str) -> String {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The first names of all paths that begin with `crate::`, groups included.
fn crate_paths(code: &str) -> BTreeSet<String> {
    code.split("crate::").skip(1).flat_map(first_names).collect()
}

/// `a::b` and `{a::b, c::{d, e}}` begin with `a`, and with `a` and `c`.
fn first_names(path: &str) -> BTreeSet<String> {
    let Some(group) = path.strip_prefix('{') else { return [identifier(path)].into() };
    let mut depth = 0;
    let mut names = BTreeSet::new();
    let mut begins = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && !character.is_whitespace() => {
                names.insert(identifier(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn the_first_names_of_paths_are_found() {
    let code = "use crate::{\n    Error,\n    config::{self, Settings},\n    tls,\n};\n\
                fn f(a: crate::cache::A) {}\n/// crate::doc\n#[cfg(test)]\nmod tests { use crate::x; }";
    let found = crate_paths(&without_tests(code));
    assert_eq!(found, ["Error", "cache", "config", "tls"].map(str::to_owned).into());
}

#[test]
fn a_row_gives_its_rooms_the_values_and_what_it_names() {
    let page = "| room | what | uses |\n|---|---|---|\n| `a`, `b` | values: x | nothing |\n\
                | `c` | work | `d`, for e `f` |\n| `c::g` | more | |";
    let table = table(page);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(table["a"], set(&["a", "b"]));
    assert_eq!(table["c"], set(&["a", "b", "d", "f"]));
    assert_eq!(row(&table, &["c".into(), "g".into(), "h".into()]), Some("c::g"));
    assert_eq!(row(&table, &["c".into(), "x".into()]), Some("c"));
    assert_eq!(row(&table, &["z".into()]), None);
}
