//! A PostgreSQL server as it comes, with its own TLS and its own password check.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use postgres_entra::emulator::LocalAzure;
use tokio_postgres::{Client, Config, NoTls};

use super::fake_server::Authority;

/// Makes a cluster and serves it for as long as somebody holds the other end of stdin.
const SCRIPT: &str = r#"
programs=$1; data=$2; address=$3
"$programs/initdb" -D "$data" -U postgres -A trust --no-sync || exit
"$programs/postgres" -D "$data" -k "$data" -p 5432 -c listen_addresses="$address" \
    -c ssl=on -c ssl_cert_file="$data.crt" -c ssl_key_file="$data.key" -c hba_file="$data.hba" \
    -c shared_buffers=16MB -c fsync=off -c dynamic_shared_memory_type=mmap </dev/null &
server=$!
read -r _
kill -QUIT $server
wait $server
# The owner of the folder removes it too, and can't while the server still writes there.
rm -rf "$data" "$data".*
rmdir "${data%/*}" 2>/dev/null
"#;

/// Cleartext passwords over TLS alone, as Azure asks for them.
const HBA: &str = "local all all trust\nhostssl all all 127.0.0.0/8 password\n";

/// How long the server may take to come up.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// Lives in the private folder of a [`LocalAzure`], which must outlive it; stops when dropped.
pub struct UnmodifiedPostgres {
    process: Child,
    socket_dir: PathBuf,
    address: IpAddr,
}

impl UnmodifiedPostgres {
    /// Starts one whose certificate is for this host, with the programs that the local Azure uses.
    pub async fn start(azure: &LocalAzure, authority: &Authority, host: &str) -> Self {
        let data = azure.server().socket_dir().join("unmodified");
        let (certificate, key) = authority.certificate(host);
        write(&data.with_extension("crt"), &certificate);
        write(&data.with_extension("key"), &key);
        write(&data.with_extension("hba"), HBA);
        let address = unused_address();
        let process = spawn(&programs(azure).await, &data, address);
        let server = Self { process, socket_dir: data, address };
        tokio::time::timeout(READY_LIMIT, server.ready()).await.expect("the server comes up");
        server
    }

    /// The address to dial, at port 5432.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The server's major version.
    pub async fn major_version(&self) -> u32 {
        let row = self.superuser().await.query_one("SHOW server_version_num", &[]).await.unwrap();
        row.get::<_, &str>(0).parse::<u32>().unwrap() / 10_000
    }

    /// A session of the superuser, through the Unix socket.
    pub async fn superuser(&self) -> Client {
        superuser(&self.socket_dir).await.unwrap()
    }

    async fn ready(&self) {
        while superuser(&self.socket_dir).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for UnmodifiedPostgres {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn spawn(programs: &Path, data: &Path, address: IpAddr) -> Child {
    let folder = data.parent().unwrap();
    let log = fs::File::create(data.with_extension("log")).unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, "unmodified-postgres"])
        .args([programs, data])
        .arg(address.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log.try_clone().unwrap())
        .process_group(0);
    let owner = fs::metadata(folder).unwrap();
    if log.metadata().unwrap().uid() != owner.uid() {
        // A folder of somebody else's means that we are root, and the server refuses to run as root.
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().unwrap()
}

/// Writes a file that the server takes for a key: it belongs to the server, and nobody else reads it.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let owner = fs::metadata(path.parent().unwrap()).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// The folder of the server programs, as the server itself knows it.
async fn programs(azure: &LocalAzure) -> PathBuf {
    let client = superuser(azure.server().socket_dir()).await.unwrap();
    let row = client.query_one("SELECT setting FROM pg_config WHERE name = 'BINDIR'", &[]).await;
    PathBuf::from(row.unwrap().get::<_, &str>(0))
}

async fn superuser(socket_dir: &Path) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host_path(socket_dir)
        .user("postgres")
        .dbname("postgres")
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

/// An address of this machine that nobody else has reason to use: all of 127.0.0.0/8 is loopback on
/// Linux. The process id makes it differ between test runs at the same time.
fn unused_address() -> IpAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 54, high, low.clamp(1, 254)).into()
}
