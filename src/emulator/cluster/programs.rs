//! Where the PostgreSQL server programs are on this machine.

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::super::EmulatorError;
use crate::environment::Environment;

const VARIABLE: &str = "POSTGRES_ENTRA_PG_BIN";

/// Folders that hold one folder a version: the parent, what the version's name begins with.
const VERSIONED_FOLDERS: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// The folder that holds `initdb` and `postgres`: what the variable names, else the first that works
/// of PATH, `pg_config --bindir` and the usual folders, newest version first.
pub(crate) fn find(environment: &Environment) -> Result<PathBuf, EmulatorError> {
    find_among(environment, &VERSIONED_FOLDERS)
}

fn find_among(
    environment: &Environment,
    versioned_folders: &[(&str, &str)],
) -> Result<PathBuf, EmulatorError> {
    if let Some(folder) = environment.get(VARIABLE) {
        return working_folder(Path::new(&folder)).ok_or_else(unusable_variable);
    }
    on_path(environment)
        .chain(from_pg_config(environment))
        .chain(versioned_folders.iter().flat_map(|(parent, prefix)| versions(parent, prefix)))
        .find_map(|folder| working_folder(&folder))
        .ok_or(EmulatorError::PostgresNotFound)
}

fn unusable_variable() -> EmulatorError {
    EmulatorError::setting(
        format!("{VARIABLE}: the folder does not hold working `initdb` and `postgres` programs"),
        "name the folder that does, such as /usr/lib/postgresql/17/bin, or unset the variable",
    )
}

fn on_path(environment: &Environment) -> impl Iterator<Item = PathBuf> + use<> {
    let path = environment.get("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|folder| folder.is_absolute()).collect::<Vec<_>>().into_iter()
}

fn from_pg_config(environment: &Environment) -> Option<PathBuf> {
    let program =
        on_path(environment).map(|folder| folder.join("pg_config")).find(|p| p.exists())?;
    let folder = output_of(&program, "--bindir")?;
    Some(PathBuf::from(folder.trim()))
}

/// The `bin` folders of all installed versions, the highest version first.
fn versions(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.split('.').next()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The real folder behind this one, if both programs in it run.
///
/// Links are followed because `initdb` looks for `postgres` and its data files beside itself.
fn working_folder(folder: &Path) -> Option<PathBuf> {
    let folder = folder.join("initdb").canonicalize().ok()?.parent()?.to_owned();
    ["initdb", "postgres"]
        .iter()
        .all(|name| is_server_program(&folder.join(name)))
        .then_some(folder)
}

/// A script is not taken: it is a wrapper, which may switch users or pick another version.
fn is_server_program(program: &Path) -> bool {
    let mut start = [0; 2];
    let is_binary = fs::File::open(program)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok_and(|()| &start != b"#!");
    is_binary && output_of(program, "--version").is_some_and(|text| text.contains("PostgreSQL"))
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_variable_that_names_no_server_is_an_error_without_its_value() {
        let environment = Environment::from_vars([(VARIABLE, "/nonexistent-folder")]);
        let error = find(&environment).unwrap_err().to_string();
        assert!(error.starts_with(VARIABLE), "{error}");
        assert!(!error.contains("nonexistent"), "{error}");
    }

    #[test]
    fn a_machine_without_a_server_is_an_error_with_the_install_command() {
        let empty = tempfile::tempdir().unwrap();
        let environment = Environment::from_vars([("PATH", empty.path().to_str().unwrap())]);
        let error = find_among(&environment, &[]).unwrap_err();
        assert!(matches!(error, EmulatorError::PostgresNotFound));
        assert!(error.to_string().contains("sudo apt-get install -y postgresql"));
        assert!(error.to_string().contains("brew install postgresql@17"));
    }

    #[test]
    fn pg_config_leads_to_a_server_that_is_not_in_path() {
        let real = find(&Environment::process()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let script = format!("#!/bin/sh\necho {}\n", real.display());
        executable(&folder.path().join("pg_config"), &script);
        let environment = Environment::from_vars([("PATH", folder.path().to_str().unwrap())]);
        assert_eq!(find_among(&environment, &[]).unwrap(), real);
    }

    fn executable(path: &Path, script: &str) {
        fs::write(path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_wrapper_script_is_not_taken_for_the_server() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["initdb", "postgres"] {
            let script = "#!/bin/sh\necho 'postgres (PostgreSQL) 17.0'\n";
            executable(&folder.path().join(name), script);
        }
        assert_eq!(working_folder(folder.path()), None);
    }

    #[test]
    fn links_lead_to_the_folder_of_the_real_programs() {
        let real = find(&Environment::process()).unwrap();
        let links = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(real.join("initdb"), links.path().join("initdb")).unwrap();
        let environment = Environment::from_vars([("PATH", links.path().to_str().unwrap())]);
        assert_eq!(find(&environment).unwrap(), real);
    }

    #[test]
    fn the_highest_version_comes_first() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["pgsql-9.6", "pgsql-17", "pgsql-16", "other"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        let found = versions(parent.path().to_str().unwrap(), "pgsql-");
        let expected = ["pgsql-17", "pgsql-16", "pgsql-9.6"];
        assert_eq!(found, expected.map(|name| parent.path().join(name).join("bin")));
    }
}
