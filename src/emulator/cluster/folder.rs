//! The private folder of a cluster, and the user that owns it.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::super::EmulatorError;
use crate::environment::Environment;

/// Socket addresses hold 104 bytes on macOS and 108 on Linux; this leaves room for
/// `/pgentra-XXXXXX/.s.PGSQL.5432`.
const LONGEST_PARENT: usize = 64;

/// A user id and group id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What an account called `nobody` has on nearly all systems.
const NOBODY: Account = Account { uid: 65_534, gid: 65_534 };

/// A folder that only its owner can enter, removed when dropped.
pub(crate) struct PrivateFolder {
    folder: TempDir,
    /// The account that the server must run as; `None` if that is our own.
    account: Option<Account>,
}

impl PrivateFolder {
    /// Makes the folder. For root it belongs to an unprivileged account, since PostgreSQL refuses to
    /// run as root.
    pub(crate) fn create(environment: &Environment) -> Result<Self, EmulatorError> {
        let preferred = environment.get("TMPDIR");
        let parent = parent(preferred.as_deref(), false);
        let failed = |parent: &Path| {
            EmulatorError::io(format!(
                "create the private folder of the local Azure in {} (TMPDIR may name another)",
                parent.display()
            ))
        };
        let is_root = own_user_id(&parent).map_err(failed(&parent))? == 0;
        let parent = self::parent(preferred.as_deref(), is_root);
        Self::create_in(&parent, is_root).map_err(failed(&parent))
    }

    fn create_in(parent: &Path, is_root: bool) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pgentra-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let account = is_root.then(unprivileged_account);
        if let Some(Account { uid, gid }) = account {
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        Ok(Self { folder, account })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn account(&self) -> Option<Account> {
        self.account
    }

    /// Writes a file into the folder and returns its path. Renamed into place, so that a reader never sees half
    /// of it.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, EmulatorError> {
        let path = self.path().join(name);
        let new = path.with_extension("new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &path))
            .map_err(EmulatorError::io(format!("write the file {}", path.display())))?;
        Ok(path)
    }
}

/// The user that we run as: the one whom our new files belong to.
fn own_user_id(folder: &Path) -> io::Result<u32> {
    Ok(tempfile::tempfile_in(folder)?.metadata()?.uid())
}

/// The preferred folder if a socket's address has room in it, else `/tmp`. Another account must be able
/// to remove what we make in it.
fn parent(preferred: Option<&str>, for_other_account: bool) -> PathBuf {
    let everyone_may_write =
        |folder: &PathBuf| folder.metadata().is_ok_and(|folder| folder.mode() & 0o003 == 0o003);
    preferred
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.as_os_str().len() <= LONGEST_PARENT)
        .filter(|folder| !for_other_account || everyone_may_write(folder))
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

fn unprivileged_account() -> Account {
    account_in(&fs::read_to_string("/etc/passwd").unwrap_or_default())
}

/// `postgres` or `nobody`, else any account without privileges.
fn account_in(passwd: &str) -> Account {
    let accounts: Vec<_> = passwd.lines().filter_map(parse_account).collect();
    let named = |name| accounts.iter().find(|(known, _)| *known == name);
    named("postgres")
        .or(named("nobody"))
        .or(accounts.first())
        .map_or(NOBODY, |(_, account)| *account)
}

/// One line of passwd(5), unless it is root's. Negative ids (macOS) wrap, as the system's own do.
fn parse_account(line: &str) -> Option<(&str, Account)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let mut id = fields.skip(1).map_while(|field| field.parse::<i64>().ok()).map(|id| id as u32);
    let account = Account { uid: id.next()?, gid: id.next()? };
    (account.uid != 0).then_some((name, account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_runs_as_postgres_or_nobody_or_anyone_but_root() {
        let root = "root:x:0:0:root:/root:/bin/bash\n";
        let nobody = "nobody:*:-2:-2::/var/empty:/usr/bin/false\n";
        let postgres = "postgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        let daemon = "daemon:x:1:1::/:/bin/false\n";
        let cases = [
            (format!("{root}{nobody}{postgres}"), Account { uid: 101, gid: 104 }),
            (format!("{root}{daemon}{nobody}"), Account { uid: u32::MAX - 1, gid: u32::MAX - 1 }),
            (format!("{root}{daemon}"), Account { uid: 1, gid: 1 }),
            (root.to_owned(), NOBODY),
        ];
        for (passwd, account) in cases {
            assert_eq!(account_in(&passwd), account, "{passwd}");
        }
    }

    #[test]
    fn a_folder_that_is_too_long_or_closed_to_the_other_account_is_avoided() {
        let tmp = Path::new("/tmp");
        assert_eq!(parent(Some(&"/x".repeat(60)), false), tmp);
        let closed = tempfile::tempdir().unwrap();
        let name = closed.path().to_str().unwrap();
        assert_eq!(parent(Some(name), false), closed.path());
        assert_eq!(parent(Some(name), true), tmp);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_an_error_that_names_it() {
        let environment = Environment::from_vars([("TMPDIR", "/nonexistent-folder")]);
        let error = PrivateFolder::create(&environment).err().unwrap().to_string();
        assert!(error.contains("/nonexistent-folder") && error.contains("TMPDIR"), "{error}");
    }

    #[test]
    fn the_folder_is_private_and_goes_with_its_owner() {
        let folder = PrivateFolder::create(&Environment::process()).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }
}
