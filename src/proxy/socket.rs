//! The Unix socket: its folder, its file, and whose programs may use it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

use super::ProxyError;

/// The name that libpq looks for where no port is named
/// ([documentation](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-HOST)).
const FILE: &str = ".s.PGSQL.5432";

const FOLDER_HINT: &str = "name a folder of your own that nobody else can write to, or a new one in a \
                           folder that exists";
const BIND_HINT: &str =
    "name a folder whose path is shorter than 90 bytes and on a local file system";

/// A socket that listens, and the ids of those whose programs may use it.
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    pub(super) file: SocketFile,
    pub(super) uids: Vec<u32>,
}

/// The socket's file, and the folder if we made it. Both go when it is dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    folder: PathBuf,
    has_made_folder: bool,
}

/// Listens in this folder. Nobody but us reaches the socket unless others are allowed.
pub(super) fn listen(folder: &Path, allowed: &[u32]) -> Result<Socket, ProxyError> {
    let is_shared = !allowed.is_empty();
    let has_made_folder = make_folder(folder, if is_shared { 0o711 } else { 0o700 })?;
    let path = folder.join(FILE);
    let shown = path.display();
    let failed = |step: &str| ProxyError::io(format!("{step} the socket {shown}"), BIND_HINT);
    remove_stale(&path)?;
    let listener = UnixListener::bind(&path).map_err(failed("listen on"))?;
    // From here on the file is ours to remove.
    let file = SocketFile { folder: folder.to_owned(), has_made_folder };
    // What the umask has left until now keeps others from connecting.
    let mode = if is_shared { 0o666 } else { 0o600 };
    fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed("set the mode of"))?;
    // Our own id: that of the file that we have just made.
    let own = fs::metadata(&path).map_err(failed("look at"))?.uid();
    if !has_made_folder {
        check_folder(folder, own)?;
    }
    Ok(Socket { listener, file, uids: [&[own], allowed].concat() })
}

/// Makes the folder; `false` if it is there already.
fn make_folder(folder: &Path, mode: u32) -> Result<bool, ProxyError> {
    let failed = ProxyError::io(format!("make the folder {}", folder.display()), FOLDER_HINT);
    match DirBuilder::new().mode(mode).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Whoever can write to the folder can put another socket in the place of ours, and be sent what programs
/// send.
fn check_folder(folder: &Path, own: u32) -> Result<(), ProxyError> {
    let shown = folder.display();
    let failed = ProxyError::io(format!("look at the folder {shown}"), FOLDER_HINT);
    let found = fs::metadata(folder).map_err(failed)?;
    if found.uid() == own && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let problem = format!("the folder {shown} belongs to somebody else, or others can write to it");
    Err(ProxyError::setting(problem, FOLDER_HINT))
}

/// Removes the socket of a proxy that ended without doing so.
fn remove_stale(path: &Path) -> Result<(), ProxyError> {
    let shown = path.display();
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        let problem = format!("{shown} exists and is no socket");
        return Err(ProxyError::setting(problem, "name another folder"));
    }
    if UnixStream::connect(path).is_ok() {
        let problem = format!("a server or another proxy listens on {shown}");
        return Err(ProxyError::setting(problem, "stop it, or name another folder"));
    }
    fs::remove_file(path).map_err(ProxyError::io(format!("remove {shown}"), FOLDER_HINT))
}

impl SocketFile {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Removes the file, so that programs learn at once that nobody listens, and the folder.
    pub(super) fn remove(&self) {
        // Whatever fails here leaves a file that the next proxy removes.
        let _ = fs::remove_file(self.path());
        if self.has_made_folder {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn the_folder_and_the_socket_are_private_and_go_with_the_proxy() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("postgresql");
        let socket = listen(&folder, &[]).unwrap();
        let path = socket.file.path();
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        assert_eq!(socket.uids, [fs::metadata(&folder).unwrap().uid()]);
        drop(socket);
        assert!(!path.exists() && !folder.exists());
    }

    #[tokio::test]
    async fn a_shared_socket_can_be_reached_and_its_folder_not_be_written_to() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("postgresql");
        let socket = listen(&folder, &[4711]).unwrap();
        assert_eq!((mode(&folder), mode(&socket.file.path())), (0o711, 0o666));
        assert_eq!(socket.uids[1..], [4711]);
    }

    #[tokio::test]
    async fn a_folder_that_others_can_write_to_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for writable in [0o777, 0o770, 0o1777] {
            fs::set_permissions(folder.path(), Permissions::from_mode(writable)).unwrap();
            let error = listen(folder.path(), &[]).err().unwrap().to_string();
            assert!(error.contains("others can write to it"), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_socket_that_is_in_use_is_left_alone_and_a_stale_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().join(FILE);
        let first = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = listen(folder.path(), &[]).err().unwrap().to_string();
        assert!(error.contains("another proxy listens"), "{error}");
        drop(first);
        assert!(path.exists());
        let second = listen(folder.path(), &[]).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        drop(second);
        fs::write(&path, "precious").unwrap();
        assert!(listen(folder.path(), &[]).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
