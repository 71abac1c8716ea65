//! The files by which clients of Azure Arc's agent prove that they may read what belongs to it.

use std::{
    collections::VecDeque,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use super::super::{lock, random};

/// Many times what clients ask for at once. Whoever never comes back must not fill the folder.
const OPEN_AT_ONCE: usize = 256;

/// Challenges that nobody has answered yet. Dropping this removes their files.
#[derive(Debug)]
pub(crate) struct Challenges {
    folder: PathBuf,
    open: Mutex<VecDeque<Challenge>>,
}

#[derive(Debug)]
struct Challenge {
    file: PathBuf,
    key: String,
}

impl Challenges {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, open: Mutex::default() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a new key into a file of its own, which only this user can read.
    pub(crate) fn make(&self) -> io::Result<PathBuf> {
        let challenge = Challenge {
            file: self.folder.join(format!("{}.key", random::guid())),
            key: random::guid(),
        };
        let file = challenge.file.clone();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&file)?.write_all(challenge.key.as_bytes())?;
        let mut open = lock(&self.open);
        if open.len() == OPEN_AT_ONCE {
            open.pop_front();
        }
        open.push_back(challenge);
        Ok(file)
    }

    /// Whether this is the key of a challenge, which is over then.
    pub(crate) fn take(&self, key: &str) -> bool {
        let mut open = lock(&self.open);
        let found = open.iter().position(|challenge| challenge.key == key);
        found.and_then(|index| open.remove(index)).is_some()
    }
}

impl Drop for Challenge {
    fn drop(&mut self) {
        // With the folder it may be gone already.
        let _ = fs::remove_file(&self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_once_and_its_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let challenges = Challenges::new(folder.path().to_owned());
        let file = challenges.make().unwrap();
        let key = fs::read_to_string(&file).unwrap();
        assert!(!challenges.take("") && !challenges.take("x"));
        assert!(challenges.take(&key) && !challenges.take(&key));
        assert!(!file.exists());
    }

    #[test]
    fn no_more_files_are_kept_than_can_be_of_use_and_none_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let challenges = Challenges::new(folder.path().to_owned());
        let files = || fs::read_dir(folder.path()).unwrap().count();
        for _ in 0..=OPEN_AT_ONCE {
            challenges.make().unwrap();
        }
        assert_eq!(files(), OPEN_AT_ONCE);
        drop(challenges);
        assert_eq!(files(), 0);
    }
}
